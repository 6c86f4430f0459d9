package handler

import (
	"math"
	"time"

	"github.com/alertscribe/alertscribe/incident"
)

// wave is an hour of values, one each half minute, that rise at its end.
func wave(low, high float64) []incident.Point {
	points := make([]incident.Point, 121)
	for i := range points {
		value := low * (1 + .2*math.Sin(float64(i)/5))
		if i > 90 {
			value = high - (high-low)/float64(i-89)
		}
		points[i] = incident.Point{At: t0.Add(time.Duration(i) * 30 * time.Second), Value: value}
	}
	return points
}

// shop is what was found about an incident in a shop: all that a page has to show.
func shop() incident.Findings {
	threshold, end := .05, t0.Add(time.Hour)
	about := func(e incident.Evidence) incident.Evidence {
		e.Start, e.End, e.At = t0, end, end
		return e
	}
	return incident.Findings{
		Evidence: []incident.Evidence{
			{ID: "E1", Kind: incident.KindAlert, Title: "The alerts", Summary: "1 of 1 alerts of the group fires: web-1:9090."},
			about(incident.Evidence{
				ID: "E2", Kind: incident.KindSignal, Title: "Share of failed requests over the last hour", Source: incident.SourcePrometheus,
				Summary: "30 % now (threshold 5 %, usual 0.2 %), over it for 15 minutes since 2026-11-20 09:15:05 UTC.",
				Query:   `sum by (path) (rate(http_requests_total{code=~"5..",namespace="shop"}[5m])) / sum by (path) (rate(http_requests_total{namespace="shop"}[5m]))`,
				Link:    "http://prometheus.example:9090/graph?g0.expr=up",
				Chart: &incident.Chart{
					Unit: "%", Threshold: &threshold, Firing: &incident.TimeRange{Start: t0.Add(46 * time.Minute)},
					Series: []incident.Series{
						{Name: `path="/orders"`, Step: 30 * time.Second, Points: wave(.002, .3)},
						{Name: `path="/cart"`, Step: 30 * time.Second, Points: wave(.001, .002)},
					},
				},
			}),
			about(incident.Evidence{
				ID: "E3", Kind: incident.KindDrilldown, Title: "Which label values carry the change", Source: incident.SourcePrometheus,
				Summary: "All of it is /orders; no other label tells it apart.", Query: `sum by (path) (rate(http_requests_total[5m]))`,
				Ranking: []incident.RankedSeries{
					{Labels: map[string]string{"path": "/orders", "instance": "web-1.shop.example.internal:9090"}, Score: 41, Direction: "up", Share: .97, Before: .002, After: .3, Onset: t0.Add(45 * time.Minute)},
					{Labels: map[string]string{"path": "/cart", "instance": "web-2.shop.example.internal:9090"}, Score: 1, Direction: "flat", Share: .01, Before: .001, After: .001},
				},
			}),
			about(incident.Evidence{
				ID: "E4", Kind: incident.KindSuspects, Title: "What moved first", Source: incident.SourcePrometheus,
				Summary: "pg_wal_size_bytes of the database rose from 0.98 GiB to 12.7 GiB, 3 minutes before.", Query: `pg_wal_size_bytes{namespace="shop"}`,
				Chart: &incident.Chart{Unit: "bytes", Series: []incident.Series{{Name: "pg_wal_size_bytes", Step: 30 * time.Second, Points: wave(1e9, 13e9)}}},
				Table: &incident.Table{Columns: []string{"Series", "Before", "After", "Since"}, Rows: [][]string{
					{"pg_wal_size_bytes", "0.98 GiB", "12.7 GiB", "2026-11-20 09:12:00 UTC"}, {"pg_replication_slot_active", "1", "0", "2026-11-20 09:12:00 UTC"},
				}},
			}),
			{ID: "E5", Kind: incident.KindAlerts, Title: "Other alerts that fire", Summary: "Alertmanager did not answer within 20s.", Failed: true},
		},
		Verdict: &incident.Verdict{
			Summary:  "Orders fail because the database's disk is full of write-ahead log: a replication slot lost its reader [E2] [E4].",
			Category: "capacity", Severity: "critical", Model: "deepseek-flash", At: end,
			Causes: []incident.Cause{
				{Hypothesis: "An inactive replication slot keeps write-ahead log until the disk is full", Likelihood: "high", Evidence: []string{"E2", "E4"}, Disproof: "Disk space is free on the database's volume"},
				{Hypothesis: "A release of the orders service", Likelihood: "low", Evidence: []string{"E3"}, Disproof: "No release in the hour before"},
			},
			Actions: []incident.Action{
				{Step: "Look at the slots", Why: "It names the reader that is gone", Risk: "read-only", Command: "psql -c 'select slot_name, active, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) from pg_replication_slots'"},
				{Step: "Drop the slot", Why: "The log is freed at the next checkpoint", Risk: "disruptive"},
			},
			Prevention: []string{"Set max_slot_wal_keep_size"},
		},
	}
}
