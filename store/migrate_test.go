package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alertscribe/alertscribe/incident"
	"github.com/alertscribe/alertscribe/store/layout"
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
	n.Normalize()
	inc, _ := incident.DefaultPolicy().Fold(nil, n)
	inc.EvidenceCollected(inc.Clone(), atOnce(), at)
	inc.Analyzed(inc.Clone(), incident.Spend{Calls: 1}, at)
	inc.Analysis.AskedSeverity, inc.Analysis.AskedFiring = "", 0 // it knew nothing of these
	rest, h := layout.Split(inc)
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
	c := claim(t, s, incident.WorkRefresh)
	require.NoError(t, s.Finish(t.Context(), c, func(inc *incident.Incident, f *incident.Findings) {
		f.Memory = []incident.PastIncident{{Incident: "before"}}
		f.See(incident.Look{At: now.Now(), Items: []incident.Evidence{{Kind: incident.KindSignal, Title: "now"}}})
		inc.Refreshed(c.Incident, f.PictureChanged(), atOnce(), now.Now())
	}))
	_, f = get(t, s, old.ID)
	assert.Equal(t, "now", f.Evidence[0].Title)
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
		assert.Empty(t, columnsOf(t, db, "past"))
	})
	s = open(t, func(o *Options) { o.Path = path })
	get(t, s, old.ID)
	assert.Equal(t, 2, count(t, s, `SELECT count(*) FROM incidents`))
}

// run runs a statement of a test on a database that no store has open.
func run(ctx context.Context, t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(ctx, query, args...)
	require.NoError(t, err, query)
}

// TestNamesMigrate opens a database whose JSON has the names of its time: all is as it was, under the present names.
func TestNamesMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alertscribe.db")
	old := first(t, path)
	withMigrations(t, path, func(ctx context.Context, db *sql.DB, p *goose.Provider) {
		_, err := p.UpTo(ctx, 2)
		require.NoError(t, err)
		run(ctx, t, db, `UPDATE findings SET evidence = ?, memory = ?, verdict = ?`,
			`[{"id":"E1","kind":"signal","title":"t","summary":"Says \"promql\".","promql":"up == 0",`+
				`"ranking":[{"labels":{"kind":"contrast"},"score":1e-7,"direction":"up"}],"chart":{"series":[{"name":"s","points":[[1.5,"NaN"],[2,0.1]]}]}},`+
				`{"id":"E2","kind":"neighbours","title":"t","summary":"","table":{"columns":["promql"],"rows":[["likeness"]]}},`+
				`{"id":"E3","kind":"contrast","title":"t","summary":"","promql":"rate(x[5m])"},{"id":"E4","kind":"check","title":"","summary":""}]`,
			`[{"incident":"a","report_path":"p","started_at":"2026-11-20T08:00:00Z","likeness":0.5,"weight":0.25,"doubted":true},`+
				`{"incident":"b","report_path":"p","started_at":"2026-11-20T08:00:00Z","likeness":1,"weight":1}]`,
			`{"summary":"a verdict","causes":[{"hypothesis":"`+strings.Repeat("磁", 400)+`","marks":[{"kind":"uncited"}]}],"checks":[{"promql":"up"}]}`)
		run(ctx, t, db, `UPDATE incidents SET doc = json_set(doc, '$.timeline', json(?), '$.feedback', json(?))`,
			`[{"at":"2026-11-20T08:30:05Z","kind":"opened","firing":1},{"at":"2026-11-20T08:31:05Z","kind":"analysed","firing":1},`+
				`{"at":"2026-11-20T08:32:05Z","kind":"remarked","firing":1}]`,
			`[{"kind":"correct","text":"one","at":"2026-11-20T08:31:05Z"},{"kind":"correct","text":"two","at":"2026-11-20T08:31:05Z"},`+
				`{"kind":"correct","text":"three","at":"2026-11-20T08:31:05Z"},{"kind":"correct","text":"four","at":"2026-11-20T08:31:05Z"}]`)
		run(ctx, t, db, `UPDATE heard SET doc = json_set(doc, '$.event.kind', 'analysed')`)
	})
	s, _ := openAt(t, func(o *Options) { o.Path = path })
	inc, f := get(t, s, old.ID)
	kinds := []incident.EventKind{incident.EventOpened, incident.EventAnalyzed, incident.EventFeedback, incident.EventAnalyzed}
	for i, e := range inc.Timeline {
		assert.Equal(t, kinds[i], e.Kind)
	}
	assert.Len(t, inc.Timeline, len(kinds))
	assert.Equal(t, old.Alerts, inc.Alerts)

	require.Len(t, f.Evidence, 4)
	var ids []string
	for _, e := range f.Evidence {
		ids = append(ids, e.ID+" "+string(e.Kind)+" "+e.Query+" "+string(e.Source))
	}
	assert.Equal(t, []string{"E1 signal up == 0 prometheus", "E2 neighbors  ", "E3 comparison rate(x[5m]) prometheus", "E4 check  "}, ids)
	assert.Equal(t, `Says "promql".`, f.Evidence[0].Summary)
	assert.Equal(t, []incident.RankedSeries{{Labels: map[string]string{"kind": "contrast"}, Score: 1e-7, Direction: "up"}}, f.Evidence[0].Ranking)
	assert.InDelta(t, .1, f.Evidence[0].Chart.Series[0].Points[1].Value, 0)
	assert.Equal(t, &incident.Table{Columns: []string{"promql"}, Rows: [][]string{{"likeness"}}}, f.Evidence[1].Table)
	at8 := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	assert.Equal(t, []incident.PastIncident{
		{Incident: "a", ReportPath: "p", StartedAt: at8, Similarity: .5, Weight: .25, Marked: true},
		{Incident: "b", ReportPath: "p", StartedAt: at8, Similarity: 1, Weight: 1},
	}, f.Memory)
	assert.Equal(t, "up", f.Verdict.Checks[0].PromQL)

	want := inc.PastRecord()
	want.Hypothesis, want.Marked = strings.Repeat("磁", 299)+"…", true
	past, err := s.Past(t.Context(), inc.Alertname, at.Add(time.Second))
	require.NoError(t, err)
	assert.Equal(t, []incident.PastRecord{want}, past)
	assert.Equal(t, []string{"two", "three", "four"}, []string{want.Feedback[0].Text, want.Feedback[1].Text, want.Feedback[2].Text})
}
