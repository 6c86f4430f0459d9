package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// BenchmarkList lists and searches a hundred thousand incidents, one in fifty of which fires.
func BenchmarkList(b *testing.B) {
	const incidents = 100_000
	s := open(b)
	for first := 0; first < incidents; first += 1000 {
		require.NoError(b, s.do(b.Context(), func(_ context.Context, tx *batch) error {
			for i := first; i < first+1000; i++ {
				inc := stocked(i)
				if i%50 != 0 {
					inc.Status = incident.Resolved
				}
				tx.add(inc)
			}
			return nil
		}))
	}
	match := func(m string) labels.Matchers {
		parsed, err := labels.ParseMatchers(m)
		require.NoError(b, err)
		return parsed
	}
	for _, bench := range []struct {
		name  string
		query incident.Query
	}{
		{"all", incident.Query{}},
		{"firing and critical", incident.Query{Status: incident.Firing, Severity: "critical"}},
		{"alert name", incident.Query{Alertname: "Alert7"}},
		{"a word that all have", incident.Query{Text: "requests"}},
		{"a word that one has", incident.Query{Text: "pod77777"}},
		{"three words", incident.Query{Text: "alert7 shop requests"}},
		{"matcher", incident.Query{Match: match(`namespace="shop-7"`)}},
		{"regular expression", incident.Query{Match: match(`namespace=~"shop-1.*"`)}},
		{"fingerprint", incident.Query{Fingerprint: fmt.Sprintf("%016x", 4711)}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.query.Limit = 50
			for b.Loop() {
				list, err := s.List(b.Context(), bench.query)
				require.NoError(b, err)
				require.NotEmpty(b, list.Rows)
			}
		})
	}
}

// stocked is an incident as it is opened.
func stocked(i int) *incident.Incident {
	name, severity := fmt.Sprint("Alert", i%300), []string{"critical", "warning", "info"}[i%3]
	ls := map[string]string{
		"alertname": name, "severity": severity, "namespace": fmt.Sprint("shop-", i%40), "pod": fmt.Sprint("pod", i), "job": "orders", "cluster": "eu-1",
	}
	opened := time.Now().Add(time.Duration(i-100_000) * time.Minute)
	return &incident.Incident{
		ID: incident.NewID(), Receiver: "alertscribe", GroupKey: fmt.Sprint("group", i), Alertname: name, Status: incident.Firing, Severity: severity,
		GroupLabels: map[string]string{"namespace": ls["namespace"]}, OpenedAt: opened, StartedAt: opened, LastHeardAt: opened,
		Alerts: []incident.Alert{{
			Fingerprint: fmt.Sprintf("%016x", i), Status: incident.Firing, Labels: ls, StartsAt: opened, SeenAt: opened,
			Annotations: map[string]string{"summary": "The share of failed requests is above 5 % for shop orders"},
		}},
		Analysis: incident.Analysis{State: incident.Complete},
	}
}
