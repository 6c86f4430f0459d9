package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
)

// withMigrations opens a database as the store does and hands its migrations over.
func withMigrations(t *testing.T, path string, f func(context.Context, *sql.DB, *goose.Provider)) {
	t.Helper()
	db, err := openWriter(t.Context(), path)
	require.NoError(t, err)
	files, err := fs.Sub(migrations, "migrations")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	require.NoError(t, err)
	f(t.Context(), db, provider)
	require.NoError(t, db.Close())
}

func columnsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM pragma_table_info(?)`, table)
	require.NoError(t, err)
	names, err := scanAll(rows, func(s *string) []any { return []any{s} })
	require.NoError(t, err)
	return names
}

// first makes a database as the first release had it, with a firing incident that was analysed and a call in the ledger.
func first(t *testing.T, path string) *incident.Incident {
	t.Helper()
	n := firing("old", at)
	inc, _ := incident.DefaultPolicy().Fold(nil, n)
	inc.EvidenceCollected(inc.Clone(), at)
	inc.Analyzed(inc.Clone(), incident.Spend{Calls: 1}, at)
	inc.Analysis.AskedSeverity, inc.Analysis.AskedFiring = "", 0 // it knew nothing of these
	rest, h := split(inc)
	doc, err := json.Marshal(rest)
	require.NoError(t, err)
	heardDoc, err := json.Marshal(h)
	require.NoError(t, err)
	withMigrations(t, path, func(ctx context.Context, db *sql.DB, p *goose.Provider) {
		_, err := p.UpTo(ctx, 1)
		require.NoError(t, err)
		require.NotContains(t, columnsOf(t, db, "incidents"), "scope", "it is the old schema")
		for _, q := range []struct {
			query string
			args  []any
		}{
			{
				`INSERT INTO incidents (id, receiver, group_key, opened_at, firing, status, severity, severity_rank, alertname,
				analysis_state, analysis_reason, revision, doc) VALUES (?, ?, ?, ?, 1, 'firing', 'warning', 3, ?, 'complete', '', ?, ?)`,
				[]any{inc.ID, n.Receiver, n.GroupKey, micros(at), inc.Alertname, inc.Revision, string(doc)},
			},
			{`INSERT INTO heard (incident_id, last_heard_at, doc) VALUES (?, ?, ?)`, []any{inc.ID, micros(at), string(heardDoc)}},
			{`INSERT INTO findings (incident_id, evidence, verdict) VALUES (?, '[{"id":"E1"}]', '{"summary":"a verdict"}')`, []any{inc.ID}},
			{
				`INSERT INTO work (incident_id, kind, severity_rank, opened_at, due_at, lease_until, lease_token) VALUES (?, 'file', 3, ?, ?, 0, '')`,
				[]any{inc.ID, micros(at), micros(at)},
			},
			{
				`INSERT INTO model_calls (incident_id, called_at, settled_at, model, calls, prompt_tokens, cost) VALUES (?, ?, ?, 'flash', 1, 10, 0.25)`,
				[]any{inc.ID, micros(at), micros(at)},
			},
			{`INSERT INTO model_calls (incident_id, called_at) VALUES (?, ?)`, []any{inc.ID, micros(at)}},
		} {
			_, err := db.ExecContext(ctx, q.query, q.args...)
			require.NoError(t, err)
		}
	})
	return inc
}

func TestOldDatabaseGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alertscribe.db")
	old := first(t, path)
	s, now := openAt(t, func(o *Options) { o.Path = path })
	inc, f := get(t, s, old.ID)
	assert.Equal(t, old, inc)
	assert.Equal(t, incident.Findings{Evidence: []incident.Evidence{{ID: "E1"}}, Verdict: &incident.Verdict{Summary: "a verdict"}}, f)

	assert.Equal(t, incident.Receipt{IncidentID: old.ID, Outcome: incident.OutcomeRepeat}, accept(t, s, firing("old", at)))
	finish(t, s, claim(t, s, incident.WorkFile), now.Now())
	used, err := s.Used(t.Context())
	require.NoError(t, err)
	assert.Equal(t, incident.BudgetUsage{Calls: 2, CostHour: .25, CostDay: .25}, used)
	now.advance(time.Minute)
	accept(t, s, resolved("old", now.Now()))
	c := claim(t, s, incident.WorkEvidence)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.Memory = []incident.PastIncident{{Incident: "before"}}
		inc.EvidenceCollected(c.Incident, now.Now())
	}))
	_, f = get(t, s, old.ID)
	assert.Equal(t, "before", f.Memory[0].Incident)
	assert.Equal(t, "a verdict", f.Verdict.Summary)
	assert.Empty(t, links(t, s, accept(t, s, struck("new", "shop", "warning", at)).IncidentID), "old ones have no scope")
}

func TestMigrationsGoBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alertscribe.db")
	old := first(t, path)
	s := open(t, func(o *Options) { o.Path = path })
	accept(t, s, struck("new", "shop", "warning", at))
	require.NoError(t, s.Close())
	withMigrations(t, path, func(ctx context.Context, db *sql.DB, p *goose.Provider) {
		_, err := p.DownTo(ctx, 1)
		require.NoError(t, err)
		assert.NotContains(t, columnsOf(t, db, "incidents"), "scope")
		assert.NotContains(t, columnsOf(t, db, "findings"), "memory")
		assert.NotContains(t, columnsOf(t, db, "model_calls"), "reserved")
	})
	s = open(t, func(o *Options) { o.Path = path })
	get(t, s, old.ID)
	assert.Equal(t, 2, count(t, s, `SELECT count(*) FROM incidents`))
}
