package store

import (
	"context"
	"database/sql"
	"fmt"
)

// charge is what a model call counts in money: what it cost, or what it may cost at most as long as nobody has told what it
// used.
const charge = `CASE WHEN settled_at IS NULL OR prompt_tokens = 0 THEN reserved ELSE cost END`

// docColumns are those of an incident (i) and its repeat state (r): the fields of stored. The alerts of large groups are joined to
// a list.
const docColumns = `i.seq, i.doc, r.doc, r.version, (SELECT group_concat(a.doc, ',') FROM alerts a WHERE a.seq = i.seq)`

// The statements of the writer, prepared when the store is opened.
const (
	insertNotification = `INSERT INTO notifications (received_at, receiver, group_key, incident_id, outcome, body)
		VALUES (?, ?, ?, ?, ?, ?)`
	pruneNotifications = `DELETE FROM notifications WHERE seq IN (
		SELECT seq FROM (SELECT seq, received_at FROM notifications ORDER BY seq LIMIT ?) AS oldest WHERE received_at < ?)`

	insertIncident = `INSERT INTO incidents (id, receiver, group_key, opened_at, firing, status, severity, severity_rank,
		alertname, analysis_state, analysis_reason, revision, doc, scope)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// updateIncident also rewrites the columns that are indexed, updateDoc leaves the indexes alone.
	updateIncident = `UPDATE incidents SET firing = ?, status = ?, severity = ?, severity_rank = ?, alertname = ?,
		analysis_state = ?, analysis_reason = ?, revision = ?, doc = ? WHERE id = ?`
	updateDoc     = `UPDATE incidents SET revision = ?, doc = ? WHERE id = ?`
	selectDoc     = `SELECT ` + docColumns + ` FROM incidents i JOIN repeat_state r ON r.seq = i.seq WHERE i.id = ?`
	selectVersion = `SELECT version FROM repeat_state WHERE seq = ?`
	selectCurrent = `SELECT id FROM incidents WHERE receiver = ? AND group_key = ? ORDER BY seq DESC LIMIT 1`
	// selectNear is asked for one rank after the other, like selectWork. It says scope <> '' because the index is of those
	// alone.
	selectNear = `SELECT id, receiver, group_key, opened_at FROM incidents WHERE scope = ? AND scope <> '' AND severity_rank = ? AND opened_at BETWEEN ? AND ?
		ORDER BY opened_at, receiver, group_key LIMIT 10`

	upsertRepeatState = `INSERT INTO repeat_state (seq, last_heard_at, doc, version) VALUES (?, ?, ?, ?)
		ON CONFLICT (seq) DO UPDATE SET last_heard_at = excluded.last_heard_at, doc = excluded.doc, version = excluded.version`
	upsertChunk = `INSERT INTO alerts (seq, chunk, doc) VALUES (?, ?, ?)
		ON CONFLICT (seq, chunk) DO UPDATE SET doc = excluded.doc`
	deleteChunk = `DELETE FROM alerts WHERE seq = ? AND chunk = ?`

	selectFindings = `SELECT evidence, verdict, memory, looks FROM findings WHERE seq = ?`
	upsertFindings = `INSERT INTO findings (seq, evidence, verdict, memory, looks) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (seq) DO UPDATE SET evidence = excluded.evidence, verdict = excluded.verdict,
		memory = excluded.memory, looks = excluded.looks`

	upsertWork = `INSERT INTO work (seq, kind, opened_at, severity_rank, due_at, lease_until, lease_token)
		VALUES (?, ?, ?, ?, ?, 0, '')
		ON CONFLICT (seq, kind) DO UPDATE SET severity_rank = excluded.severity_rank, due_at = excluded.due_at`
	deleteWork  = `DELETE FROM work WHERE seq = ? AND kind = ? AND lease_token = ''`
	undueWork   = `UPDATE work SET due_at = NULL WHERE seq = ? AND kind = ?`
	leaseWork   = `UPDATE work SET lease_until = ?, lease_token = ? WHERE seq = ? AND kind = ?`
	updateLease = `UPDATE work SET lease_until = ?, lease_token = ?
		WHERE seq = (SELECT seq FROM incidents WHERE id = ?) AND kind = ? AND lease_token = ?`
	dropUndueWork = `DELETE FROM work WHERE seq = (SELECT seq FROM incidents WHERE id = ?) AND kind = ? AND due_at IS NULL`
	// selectWork is asked for one rank after the other: the index then leads straight to what is due, past all that
	// is scheduled for later. It has no LIMIT: SQLite prepares a statement anew whenever a bound limit changes.
	selectWork = `SELECT seq FROM work WHERE kind = ? AND severity_rank = ? AND due_at <= ? AND lease_until <= ?
		ORDER BY due_at`

	selectCharges = `SELECT called_at, settled_at, ` + charge + ` FROM model_calls WHERE called_at > ?
		ORDER BY called_at, seq`
	insertCall = `INSERT INTO model_calls (incident_id, called_at, reserved) VALUES (?, ?, ?) RETURNING seq`
	settleCall = `UPDATE model_calls SET settled_at = ?, model = ?, calls = ?, prompt_tokens = ?, cached_tokens = ?,
		completion_tokens = ?, cost = ? WHERE seq = ?`
	deleteCall = `DELETE FROM model_calls WHERE seq = ?`
	pruneCalls = `DELETE FROM model_calls WHERE seq IN (
		SELECT seq FROM model_calls WHERE called_at < ? ORDER BY called_at LIMIT ?)`

	upsertPast = `INSERT INTO past (seq, incident_id, alertname, opened_at, has_feedback, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (seq) DO UPDATE SET has_feedback = excluded.has_feedback, doc = excluded.doc`
	updatePastVerdict = `UPDATE past SET hypothesis = ?, marked = ? WHERE seq = ?`

	upsertSearch        = `INSERT OR REPLACE INTO search_incidents (rowid, words, facets) VALUES (?, ?, ?)`
	upsertSearchVerdict = `INSERT OR REPLACE INTO search_verdicts (rowid, words) VALUES (?, ?)`
	updateBackfill      = `UPDATE search_backfill SET below = ? WHERE id = 1`

	updateHeartbeat = `UPDATE heartbeat SET beat_at = ? WHERE id = 1`
)

// The statements that serve pages and workers outside of the writer.
const (
	// selectIncident looks for an incident by its id, selectIncidentAt by its seq.
	selectIncident   = findIncident + `i.id = ?`
	selectIncidentAt = findIncident + `i.seq = ?`
	findIncident     = `SELECT ` + docColumns + `, coalesce(f.evidence, ''), coalesce(f.verdict, ''), coalesce(f.memory, ''), coalesce(f.looks, '')
		FROM incidents i JOIN repeat_state r ON r.seq = i.seq LEFT JOIN findings f ON f.seq = i.seq WHERE `
	// selectFindingsVersion reads findings with the version of their incident.
	selectFindingsVersion = `SELECT r.version, coalesce(f.evidence, ''), coalesce(f.verdict, ''), coalesce(f.memory, ''), coalesce(f.looks, '')
		FROM repeat_state r LEFT JOIN findings f ON f.seq = r.seq WHERE r.seq = ?`
	// selectStale uses that nothing is heard of before it is opened: the index leads to what is old enough.
	selectStale = `SELECT ` + docColumns + ` FROM incidents i JOIN repeat_state r ON r.seq = i.seq
		WHERE i.firing = 1 AND i.opened_at < ? AND r.last_heard_at < ? ORDER BY i.opened_at LIMIT ?`
	// selectEvidenceOnly gets the list of reasons put in.
	selectEvidenceOnly = `SELECT ` + docColumns + ` FROM incidents i JOIN repeat_state r ON r.seq = i.seq
		WHERE firing = 1 AND analysis_state = 'evidence_only' AND analysis_reason IN (%s)
		AND opened_at > ?
		ORDER BY severity_rank, opened_at LIMIT ?`
	// selectListed gets a list of seqs in JSON.
	selectListed = `SELECT ` + docColumns + `, coalesce(p.hypothesis, ''), coalesce(p.marked, 0)
		FROM json_each(?) AS wanted JOIN incidents i ON i.seq = wanted.value JOIN repeat_state r ON r.seq = i.seq LEFT JOIN past p ON p.seq = i.seq`
	selectListedID   = `SELECT id FROM incidents WHERE seq = ?`
	selectAllListed  = `SELECT seq, opened_at, status, severity, severity_rank, alertname, analysis_reason FROM incidents ORDER BY opened_at, seq`
	searchIncidents  = `SELECT coalesce(group_concat(rowid), '') FROM search_incidents WHERE search_incidents MATCH ?`
	searchVerdicts   = `SELECT coalesce(group_concat(rowid), '') FROM search_verdicts WHERE search_verdicts MATCH ?`
	selectTerms      = `SELECT term FROM search_terms WHERE term >= ? AND term < ? LIMIT ?`
	selectBackfill   = `SELECT below FROM search_backfill WHERE id = 1`
	selectUnsearched = `SELECT ` + docColumns + `, coalesce(f.verdict, '') FROM incidents i JOIN repeat_state r ON r.seq = i.seq
		LEFT JOIN findings f ON f.seq = i.seq WHERE i.seq < ? ORDER BY i.seq DESC LIMIT 25`
	selectQueue = `SELECT kind, count(due_at), sum(CASE WHEN lease_until > ?1 THEN 1 ELSE 0 END),
		coalesce(min(CASE WHEN kind <> 'refresh' THEN opened_at WHEN due_at <= ?1 THEN due_at END), 0) FROM work GROUP BY kind`
	selectPast = `SELECT * FROM (SELECT incident_id, opened_at, hypothesis, marked, doc FROM past
			WHERE alertname = ? AND opened_at < ? ORDER BY opened_at DESC LIMIT 100)
		UNION SELECT * FROM (SELECT incident_id, opened_at, hypothesis, marked, doc FROM past
			WHERE alertname = ? AND opened_at < ? AND has_feedback = 1 ORDER BY opened_at DESC LIMIT 100)
		ORDER BY opened_at DESC, incident_id`
	// selectIDs has two at most: more than one is no answer.
	selectIDs  = `SELECT id FROM incidents WHERE id >= ? AND id < ? ORDER BY id LIMIT 2`
	selectUsed = `SELECT coalesce(sum(called_at > ?), 0), coalesce(sum(CASE WHEN called_at > ? THEN ` + charge + ` ELSE 0.0 END), 0),
		coalesce(sum(` + charge + `), 0) FROM model_calls WHERE called_at > ?`
	// selectCosts adds up by incident before it looks for their names.
	selectCosts = `SELECT day, model, coalesce(i.alertname, '') AS name, sum(calls), sum(prompt), sum(cached), sum(completion),
		sum(usd) AS total FROM (
			SELECT called_at / ? AS day, model, incident_id, count(*) AS calls, sum(prompt_tokens) AS prompt,
				sum(cached_tokens) AS cached, sum(completion_tokens) AS completion, sum(` + charge + `) AS usd
			FROM model_calls WHERE called_at >= ? GROUP BY 1, 2, 3) AS c
		LEFT JOIN incidents i ON i.id = c.incident_id GROUP BY day, model, name ORDER BY day DESC, total DESC, model, name`
	selectNextDue = `SELECT coalesce(min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END), 0)
		FROM work WHERE kind = ? AND due_at IS NOT NULL`
)

// The statements of the start, each run once.
const (
	selectWorkRanks = `SELECT DISTINCT kind, severity_rank FROM work`
	freeLeases      = `UPDATE work SET lease_until = 0, lease_token = '' WHERE lease_token <> ''`
	dropUndue       = `DELETE FROM work WHERE due_at IS NULL`
	selectRanks     = `SELECT DISTINCT severity, severity_rank FROM incidents WHERE status <> 'resolved'
		OR seq IN (SELECT seq FROM work)`
	// rankWork leaves reports that are on disk behind those that are not, see laterRank.
	rankWork      = `UPDATE work SET severity_rank = ? + CASE WHEN severity_rank >= 1000 THEN 1000 ELSE 0 END WHERE seq IN (SELECT seq FROM incidents WHERE severity = ?)`
	rankIncidents = `UPDATE incidents SET severity_rank = ? WHERE severity = ? AND (status <> 'resolved'
		OR seq IN (SELECT seq FROM work))`
)

// writerQueries are the statements of the writer, readerQueries those that are run often beside it.
var (
	writerQueries = []string{
		insertNotification, pruneNotifications, insertIncident, updateIncident, updateDoc, selectDoc, selectVersion,
		selectCurrent, selectNear, upsertRepeatState, upsertChunk, deleteChunk, selectFindings, upsertFindings,
		upsertWork, deleteWork, undueWork, dropUndueWork, leaseWork, updateLease, selectWork,
		selectCharges, insertCall, settleCall, deleteCall, pruneCalls, upsertPast, updatePastVerdict, upsertSearch, upsertSearchVerdict, updateBackfill, selectUnsearched, updateHeartbeat,
		upsertDetection, deleteDetection, selectForget, insertForgotten, pruneForgotten, deleteAlerts, deleteFindings, deletePast, deleteState, deleteIncident,
		insertSource, updateSource, insertJournal, truncateJournal, upsertSourceSeries, deleteSourceSeries, insertSourceEvent, deleteSourceEvents,
	}
	readerQueries = []string{
		selectIncident, selectIncidentAt, selectDoc, selectCurrent, selectFindingsVersion, selectPast, selectNextDue, selectUsed, selectIDs,
		selectListed, selectListedID, searchIncidents, searchVerdicts, selectTerms, selectBackfill,
	}
)

// prepare prepares statements.
func prepare(ctx context.Context, db *sql.DB, queries []string) (map[string]*sql.Stmt, error) {
	stmts := map[string]*sql.Stmt{}
	for _, query := range queries {
		stmt, err := db.PrepareContext(ctx, query)
		if err != nil {
			return stmts, fmt.Errorf("preparing %q: %w", query, err)
		}
		stmts[query] = stmt
	}
	return stmts, nil
}
