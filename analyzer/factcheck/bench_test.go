package factcheck

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alertscribe/alertscribe/incident"
)

// largeInput is an incident of 500 alerts with its evidence, and a verdict as long as a model may write it.
func largeInput() (Input, func() *incident.Verdict) {
	s := diskScene()
	for i := range 500 {
		labels := map[string]string{
			"alertname": "DiskWillFill", "severity": "critical", "job": "node", "namespace": fmt.Sprintf("team-%d", i%40), "cluster": "eu-1",
			"instance": fmt.Sprintf("node-%d.eu-west-1.example.com:9100", i), "mountpoint": fmt.Sprintf("/var/lib/data-%d", i%7), "device": fmt.Sprintf("nvme%dn1", i%4),
		}
		s.inc.Alerts = append(s.inc.Alerts, incident.Alert{
			Status: incident.Firing, Labels: labels, StartsAt: s.inc.StartedAt, GeneratorURL: s.inc.Alerts[0].GeneratorURL,
			Annotations: map[string]string{
				"summary":     fmt.Sprintf("%s on %s fills up within 4 hours", labels["mountpoint"], labels["instance"]),
				"description": fmt.Sprintf("The file system %s of %s is predicted to be full within 4 hours. Please look for large files, and extend the volume if there are none.", labels["mountpoint"], labels["instance"]),
				"runbook_url": "https://runbooks.example.com/disk",
			},
		})
	}
	return s.input(), func() *incident.Verdict {
		v := &incident.Verdict{Summary: strings.Repeat("WAL files pile up on db-7 because the replica db-8 no longer consumes its slot. ", 12)}
		for i := range 10 {
			c := cleanCauses[15+i%6]
			v.Causes = append(v.Causes, incident.Cause{Hypothesis: c.text + " " + c.text, Disproof: c.text, Evidence: strings.Fields(c.cites)})
			v.Actions = append(v.Actions, incident.Action{
				Step: "Look at what keeps the write-ahead log on db-7.", Why: "The slot standby_db8 holds it back.",
				Command: fmt.Sprintf("psql -h db-7 -c \"select slot_name, active, wal_status from pg_replication_slots where slot_name = 'standby_db%d'\" | head -20", i),
			})
			v.Prevention = append(v.Prevention, "Set max_slot_wal_keep_size, so that a dead replica cannot fill the disk of the primary.")
		}
		return v
	}
}

func BenchmarkCheck(b *testing.B) {
	in, verdict := largeInput()
	for b.Loop() {
		Check(verdict(), in)
	}
}

func BenchmarkCheckSmall(b *testing.B) {
	s := loginScene()
	for b.Loop() {
		Check(&incident.Verdict{Summary: cleanCauses[0].text, Actions: []incident.Action{{Command: "df -h"}}}, s.input())
	}
}
