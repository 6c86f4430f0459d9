package loosejson_test

import (
	"errors"
	"fmt"

	"github.com/alertscribe/alertscribe/analyzer/loosejson"
)

func Example() {
	const text = `{'summary': 'It fails: "no space".', causes: ["inodes",],} That is all.`
	v, end, err := loosejson.Read(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	summary, _ := v.Member("summary")
	causes, _ := v.Member("causes")
	fmt.Println(summary.Text, causes.Items[0].Text, text[end:])

	_, _, err = loosejson.Read(`{"summary": "It fails since`)
	fmt.Println(errors.Is(err, loosejson.ErrCut))
	// Output:
	// It fails: "no space". inodes  That is all.
	// true
}
