package layout_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
)

func Example() {
	rest, state := layout.Split(&incident.Incident{ID: "an incident", Alertname: "DiskFull", Repeats: 3})
	doc, err := json.Marshal(rest)
	if err != nil {
		log.Fatal(err)
	}
	beside, err := json.Marshal(state) // rewritten by each repeat, which leaves the document alone
	if err != nil {
		log.Fatal(err)
	}
	row := layout.Stored{Seq: 1, Doc: doc, State: beside}
	inc, err := row.Decode()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(inc.Alertname, inc.Repeats)
	// Output: DiskFull 3
}
