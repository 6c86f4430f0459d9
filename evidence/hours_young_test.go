package evidence

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHoursOfYoungData: where Prometheus has data of the last 20 minutes before an alert alone, nothing is told of before.
func TestHoursOfYoungData(t *testing.T) {
	r := record(8*time.Hour, 30*time.Second)
	r.start = r.start.Truncate(time.Minute)
	r.add(`up{job="x"}`, minutes(nan, 280, 1))
	all := []string{`No value until`, `in all`, "since <28"}
	cases := []hourCase{
		{name: "met later", data: minutes(nan, 280, 10, 300, 80), fired: 300, now: 330, onset: 300, want: []string{`Condition met since <300> \(`}},
		{
			name: "met all along", data: minutes(nan, 280, 80), fired: 300, now: 330,
			want: []string{`met for the whole window or longer \(window: <280>–<330>\)\.`}, not: all, zh: "可能更早就已满足",
		},
		{
			name: "with for", data: minutes(nan, 280, 80), hold: "1h", fired: 300, now: 330,
			want: []string{`met for the whole window or longer \(window: <280>–<330>\)\.`}, not: all,
		},
		{
			name: "over", data: minutes(nan, 280, 80, 320, 10), fired: 300, now: 470,
			want: []string{`met at the start of the window or earlier, and until <3(19|20)> \(<280>–<3(19|20)>\)\.`}, not: all, zh: "可能更早，直至",
		},
		{
			name: "fired before", data: minutes(nan, 280, 80), fired: 270, now: 330,
			want: []string{`^No value when the alert fired`, `met for the whole window or longer \(window: <280>–<330>\)\.`}, not: all,
		},
		{
			name: "fired long before", data: minutes(nan, 280, 80), fired: 100, now: 330,
			want: []string{`^Prometheus has no data from when`, `met for the whole window or longer \(window: <280>–<330>\)\.`}, not: all,
		},
		{
			name: "fired before, ended since", data: minutes(nan, 280, 80, 300, 10), fired: 100, ended: 300, now: 330,
			want: []string{`^Peak: 80 at <280>\. Last while it fired: 80 at <299>`}, not: all,
		},
		{name: "fired before, not met since", data: minutes(nan, 280, 10), fired: 270, now: 330, want: []string{`^No value when the alert fired`}, not: []string{"Condition met"}},
		{name: "over before", data: minutes(nan, 280, 80), fired: 100, ended: 150, now: 330, want: []string{`^The expression has no value`}},
		{
			name: "a series that is new indeed", data: minutes(nan, 290, 80), fired: 300, now: 330, onset: 290,
			want: []string{`No value until <290>\. Condition met since <290> \(to within 15s\), for 40m\.`},
		},
	}
	rules := "groups:\n- name: young\n  interval: 1h\n  rules:\n"
	for i, c := range cases {
		name := fmt.Sprintf("m_%d", i)
		cases[i].expr = name + " > 50"
		rules += fmt.Sprintf("  - alert: %s\n    expr: %s > 50\n    for: %s\n", name, name, cmp.Or(c.hold, "0s"))
		r.add(name+`{job="x"}`, c.data)
	}
	url := r.serve(t, rules).URL
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, r, url, fmt.Sprintf("m_%d", i), strings.NewReplacer()) })
	}
}
