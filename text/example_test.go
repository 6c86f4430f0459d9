package text_test

import (
	"fmt"

	"github.com/alertscribe/alertscribe/text"
)

func Example() {
	summary := "pass\u200bword\r\n  leaked, and much more is said about it"
	fmt.Println(text.Cut(text.OneLine(summary), 24))
	// Output: password leaked, and mu…
}
