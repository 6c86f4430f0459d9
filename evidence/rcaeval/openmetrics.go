package rcaeval

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// WriteOpenMetrics writes cases as text that promtool makes blocks of: each case from its start on in a namespace of
// its own, every series with the label service or, of calls, client and server, a sample per row, counters counted up from
// a value of their own. Names are prefixed, but for those of calls. A row may be written at another step than it was
// recorded at.
func WriteOpenMetrics(w io.Writer, prefix string, step time.Duration, starts map[string]time.Time, cases map[string]*Case) error {
	byName := map[string][]string{} // a metric's lines must stand together
	var order []string
	for namespace, c := range cases {
		for _, s := range c.Series {
			name := strings.NewReplacer("-", "_", ".", "_").Replace(s.Metric)
			if s.Callee == "" {
				name = prefix + name
			}
			if byName[name] == nil {
				order = append(order, name)
			}
			byName[name] = append(byName[name], lines(name, namespace, s, starts[namespace], step))
		}
	}
	out := bufio.NewWriter(w)
	for _, name := range order {
		for _, text := range byName[name] {
			if _, err := out.WriteString(text); err != nil {
				return err
			}
		}
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return err
	}
	return out.Flush()
}

func lines(name, namespace string, s Series, start time.Time, step time.Duration) string {
	var b strings.Builder
	who := fmt.Sprintf("service=%q", s.Service)
	if s.Callee != "" {
		who = fmt.Sprintf("client=%q,server=%q", s.Service, s.Callee)
	}
	total := 1000.
	for row, v := range s.Values {
		if math.IsNaN(v) {
			continue
		}
		if s.Kind == Counter {
			total += v * step.Seconds()
			v = total
		}
		fmt.Fprintf(&b, "%s{namespace=%q,%s} %g %d\n", name, namespace, who, v, start.Add(time.Duration(row)*step).Unix())
	}
	return b.String()
}
