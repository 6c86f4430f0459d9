package evidence

import "math"

// growsAfter is 0 until a minute, and grows by so much a second then.
func growsAfter(minute, pace float64) func(float64) float64 {
	return func(s float64) float64 { return max(0, s-minute*60) * pace }
}

// What rules of several parts, with "for", and of functions tell of times.
var (
	partCases = []hourCase{
		{
			name: "a guard closes", data: minutes(10, 270, 80), expr: "m > 50 and on() vector(time()) < 320min", fired: 270, now: 390, onset: 270,
			want: []string{`Condition met from <270> \(to within 30s\) until <319>, for 50m\. It has not been met since\. The value itself still meets the threshold, but another part`},
			zh:   "但规则表达式的其他部分已不满足",
		},
		{
			name: "an exclusion sets in", data: minutes(10, 300, 80), other: minutes(0, 320, 1), expr: "m > 50 unless n == 1", fired: 300, now: 390, onset: 300,
			want: []string{`until <319>, for 20m\. It has not been met since\. The value itself still`},
		},
		{
			name: "the other of two ends", data: minutes(10, 300, 80), other: minutes(0, 250, 7, 315, 0), expr: "m > 50 and n > 5", fired: 300, now: 350, onset: 300,
			want: []string{`Condition met from <300> .* until <31[45]>, for 15m\. It has not been met since\. The value itself still`},
		},
		{
			name: "the other of two ends, far from the onset", data: minutes(10, 300, 80), other: minutes(0, 250, 7, 415, 0), expr: "m > 50 and n > 5", fired: 300, now: 450,
			want: []string{`Condition met from <300> .* until <41[45]>, for 1h55m\. It has not been met since\. The value itself still`},
		},
		{
			name: "it has ended by the other of two", data: minutes(10, 300, 80), other: minutes(0, 250, 7, 315, 0), expr: "m > 50 and n > 5", fired: 300, ended: 317, now: 350,
			want: []string{`Condition met from <300> .* until <31[45]>, for 15m\.`}, not: []string{"still meets", "not been met since"},
		},
		{
			name: "the later of two", data: minutes(10, 290, 80), other: minutes(0, 300, 7), expr: "m > 50 and n > 5", fired: 300, now: 350, onset: 300,
			want: []string{`Condition met since <300> \(to within 30s\), for 50m\.$`},
		},
		{
			name: "one goes on", data: minutes(10, 300, 80, 315, 10), other: minutes(0, 310, 7), expr: "m > 50 or n > 5", fired: 300, now: 350, onset: 300,
			want: []string{`Condition met since <300> .*, for 50m\. From <31[45]> on it was met by another part`}, not: []string{"not been met since"}, zh: "起由规则表达式的其他部分满足",
		},
		{
			name: "one goes on and ends", data: minutes(10, 300, 80, 315, 10), other: minutes(0, 310, 7, 330, 0), expr: "m > 50 or n > 5", fired: 300, now: 350, onset: 300,
			want: []string{`until <3(29|30)>, for 30m\. It has not been met since\. From <31[45]> on it was met by another part`}, not: []string{"still meets"},
		},
		{
			name: "either", data: minutes(10, 300, 80), other: minutes(0, 310, 7), expr: "m > 50 or n > 5", fired: 300, now: 350, onset: 300,
			want: []string{`Condition met since <300> .*, for 50m\.$`},
		},
	}
	holdCases = []hourCase{
		{
			name: "evaluated late", data: minutes(10, 300, 80), fired: 304.5, now: 390, onset: 300,
			want: []string{`Condition met since <300> \(to within 30s\), for 1h30m\.`},
		},
		{
			name: "evaluated late with for", data: minutes(10, 300, 80), hold: "10m", fired: 319, now: 390, onset: 300,
			want: []string{`Condition met since <300> \(`},
		},
		{
			name: "a dip between evaluations", data: minutes(10, 300, 80, 306, 10, 308, 80), hold: "10m", fired: 315, now: 390, onset: 300,
			want: []string{`Condition met on and off since <300> \(to within 1m\), for 1h28m in all, last at <390>\.`}, zh: "起多次满足告警条件",
		},
		{
			name: "a dip before it was pending", data: minutes(10, 290, 80, 294, 10, 300, 80), hold: "10m", fired: 310, now: 390, onset: 300,
			want: []string{`Condition met since <300> \(`},
		},
		{
			name: "kept firing, met again", data: minutes(10, 300, 80, 305, 10, 330, 80, 335, 10), fired: 300, now: 390,
			want: []string{`Condition met on and off since <300> .*, for 10m in all, last at <334>\. It has not been met since\.`},
		},
	}
	endCases = []hourCase{
		{
			name: "no marker", data: minutes(10, 300, 80, 320, nan), fired: 300, now: 390,
			want: []string{`until <324>, for \S+\. The last data are of <319>: Prometheus went on`},
		},
		{
			name: "no marker, ended", data: minutes(10, 300, 80, 320, nan), fired: 300, ended: 326, now: 390,
			want: []string{`until <324>, for \S+\. The last data are of <319>: Prometheus went on`},
		},
		{
			name: "no marker, of a sum", data: minutes(10, 300, 80, 320, nan), expr: "sum(m) > 50", fired: 300, now: 390,
			want: []string{`until <324>, for \S+\. There are no data since, or since up to 5m earlier`}, zh: "也可能最多早 5 分钟",
		},
		{
			name: "no marker, of a range", data: minutes(10, 300, 80, 320, nan), expr: "max_over_time(m[10m]) > 50", fired: 300, now: 390,
			want: []string{`looks back 10m\) until <3(29|30)>, for \S+\. There are no data since\.`},
		},
		{
			name: "looked at hours later", data: minutes(10, 300, 80, 312, 10, 400, 80), fired: 300, ended: 312, now: 470,
			want: []string{`Condition met from <300> .* until <311>, for 12m\.$`},
		},
		{
			name: "it fires again", data: minutes(10, 100, 80, 110, 10, 300, 80), fired: 300, now: 350, onset: 300,
			want: []string{`Condition met since <300> .*, for 50m\.`},
		},
		{
			name: "back", data: minutes(10, 300, nan, 320, 10), expr: "absent(m)", fired: 305, now: 350,
			want: []string{`Condition met from <30[45]> .* until <3(19|20)>, for 15m\. It has not been met since\.`},
		},
	}
	functionCases = []hourCase{
		{
			name: "a forecast", data: func(s float64) float64 { return 500 - max(0, s-18000)/60 }, expr: "predict_linear(m[30m], 4 * 3600) < 400", fired: 330, now: 390,
			want: []string{`Condition met since <31\d> \(to within 1m; the expression looks back 30m\)`},
		},
		{
			name: "a subquery", data: minutes(10, 300, 80, 310, 10), expr: "max_over_time(m[30m:1m]) > 50", fired: 300, now: 390, onset: 300,
			want: []string{`looks back 30m\) until <3(39|40)>, for 40m\. It has not been met since\.`},
		},
		{
			name: "changes", data: func(s float64) float64 { return spike(s >= 18000, 1) * math.Floor(s/120) }, expr: "changes(m[15m]) > 3", fired: 307, now: 350,
			want: []string{`Condition met since <30[67]> \(.*looks back 15m\)`},
		},
		{
			name: "an increase", data: growsAfter(300, 2), expr: "increase(m[1h]) > 600", fired: 306, now: 400, onset: 305,
			want: []string{`Condition met since <30[567]> \(.*looks back 1h\)`},
		},
		{
			name: "a drop", data: minutes(100, 300, 0, 320, 100), expr: "m < 5", hold: "5m", fired: 305, now: 350, onset: 300,
			want: []string{`Condition met from <300> .* until <3(19|20)>, for 20m\.`},
		},
		{
			name: "data of later", data: minutes(10, 300, 80), expr: "m offset -5m > 50", fired: 300, now: 350,
			want: []string{`Condition met since <295> \(to within 30s; the expression looks at data of up to 5m later, which the rule did not have yet\)`}, zh: "最多晚 5 分钟",
		},
		{
			name: "a threshold that moves", data: minutes(10, 300, 80), other: minutes(50, 320, 100), expr: "m > n", fired: 300, now: 390, onset: 300,
			want: []string{`until <3(19|20)>, for 20m\. It has not been met since\.`}, not: []string{"still meets"},
		},
	}
)
