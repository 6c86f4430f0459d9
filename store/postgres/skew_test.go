package postgres

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/testbed/testbedtest"
)

// newer is what the next release may do to the database while copies of this one work on it: add tables, columns with a default,
// indexes, kinds of work, and what is told of a change. It takes nothing away, and needs nothing of what older copies write.
const newer = `
	INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true);
	CREATE TABLE of_the_future (seq bigint PRIMARY KEY REFERENCES incidents (seq) ON DELETE CASCADE);
	DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%' LOOP
			EXECUTE format('ALTER TABLE %I ADD COLUMN added_later text NOT NULL DEFAULT ''''', name);
		END LOOP;
	END $$;
	CREATE INDEX added_later ON incidents (added_later);
	INSERT INTO work (seq, kind, severity_rank, opened_at, due_at) SELECT seq, 'translation', 1, 0, 0 FROM incidents;
	INSERT INTO of_the_future (seq) SELECT seq FROM incidents;
	UPDATE incidents SET doc = jsonb_set(doc::jsonb, '{of_the_future}', '{"a": [1]}')::text;
	UPDATE repeat_state SET doc = jsonb_set(doc::jsonb, '{of_the_future}', 'true')::text;
	SELECT pg_notify('alertscribe_changes', '{"copy":"newer","due":["translation","file"],"of_the_future":{},"changes":[{"i":"x","r":1,"s":"paused","a":"thinking","z":1}]}');
	SELECT pg_notify('alertscribe_changes', 'no JSON of this release')`

// TestVersionSkew: while copies are updated one by one, those of this release go on working beside the next one, whatever that adds.
func TestVersionSkew(t *testing.T) {
	url := newDatabase(t)
	running := open(t, url)
	changes := running.Subscribe(t.Context())
	receipt, err := running.Accept(t.Context(), firing("before"))
	require.NoError(t, err)
	assert.Equal(t, receipt.IncidentID, (<-changes).ID)
	testbedtest.Query(t, url, newer)
	assert.Equal(t, "x", (<-changes).ID, "the newer copy is heard of")
	assert.True(t, (<-changes).Missed, "what is not understood has subscribers look")
	<-running.Due(incident.WorkFile)

	started := open(t, url) // as a copy of this release that is restarted meanwhile
	for _, s := range []*Store{running, started} {
		repeat, err := s.Accept(t.Context(), firing("before"))
		require.NoError(t, err)
		assert.Equal(t, receipt.IncidentID, repeat.IncidentID)
		_, err = s.Accept(t.Context(), firing("after"))
		require.NoError(t, err)
	}
	seen := 0
	for _, work := range []incident.Work{incident.WorkFile, incident.WorkEvidence} {
		claims, err := started.Claim(t.Context(), work, 10)
		require.NoError(t, err)
		for _, c := range claims {
			seen++
			require.NoError(t, started.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
				f.Evidence = []incident.Evidence{{ID: "E1"}}
				inc.FileWritten(c.Incident)
			}))
		}
	}
	assert.Equal(t, 4, seen)
	q, err := running.Queue(t.Context())
	require.NoError(t, err)
	assert.Zero(t, q.Running[incident.WorkFile])
	assert.Equal(t, 1, testbedtest.Count(t, url, `SELECT count(*) FROM work WHERE kind = 'translation'`), "the newer copy's work is left to it")
	list, _, err := running.Incidents(t.Context(), incident.Query{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, list, 2)
	n, err := started.Forget(t.Context(), incident.Retention{Incidents: 1, Critical: 1}, 10)
	require.NoError(t, err)
	assert.Zero(t, n, "they fire")
	require.NoError(t, running.Update(context.Background(), receipt.IncidentID, func(inc *incident.Incident) bool {
		inc.MarkStale(running.now())
		return true
	}))
	testbedtest.Query(t, url, `UPDATE compatibility SET needs = 99999`)
	_, err = Open(t.Context(), Options{URL: url})
	require.ErrorContains(t, err, "it needs a release that knows its schema 99999")
	_, err = running.Accept(t.Context(), firing("last"))
	require.NoError(t, err, "who runs is not ended")
}
