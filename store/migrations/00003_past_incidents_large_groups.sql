-- +goose Up

-- What lies beside an incident is found by its seq, which grows: rows that are written together share pages, where the random id
-- scattered them.

-- What later incidents of an alert name are told of an incident. It is read with every collection of evidence, so it is small,
-- and no incident is decoded for it. doc is the JSON of incident.PastRecord and holds what the columns do not.
CREATE TABLE past (
    seq          INTEGER PRIMARY KEY REFERENCES incidents (seq),
    incident_id  TEXT NOT NULL,
    alertname    TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    has_feedback INTEGER NOT NULL,
    hypothesis   TEXT NOT NULL DEFAULT '', -- the first cause of the verdict
    marked       INTEGER NOT NULL DEFAULT 0, -- 1: our checks have marked it
    doc          TEXT NOT NULL
) STRICT;
CREATE INDEX past_alertname ON past (alertname, opened_at);
CREATE INDEX past_feedback ON past (alertname, opened_at) WHERE has_feedback = 1;

INSERT INTO past (seq, incident_id, alertname, opened_at, has_feedback, doc)
SELECT seq, id, alertname, opened_at, coalesce(json_array_length(doc, '$.feedback'), 0) > 0, json_object(
    'status', status,
    'started_at', doc ->> '$.started_at',
    'resolved_at', coalesce(doc ->> '$.resolved_at', '0001-01-01T00:00:00Z'),
    'report_path', doc ->> '$.report_path',
    'labels', (SELECT json_group_array(json(labels)) FROM (
        SELECT value -> '$.labels' AS labels FROM json_each(doc, '$.alerts') WHERE value ->> '$.labels' IS NOT NULL ORDER BY key LIMIT 20)),
    'feedback', (SELECT json_group_array(json(said)) FROM (
        SELECT key, value AS said FROM (SELECT key, value FROM json_each(doc, '$.feedback') ORDER BY key DESC LIMIT 3) ORDER BY key)))
FROM incidents;

UPDATE past SET
    hypothesis = CASE WHEN length(found.said) > 300 THEN substr(found.said, 1, 299) || '…' ELSE found.said END,
    marked = found.marks > 0
FROM (SELECT i.seq, coalesce(verdict ->> '$.causes[0].hypothesis', '') AS said,
        coalesce(json_array_length(verdict, '$.causes[0].marks'), 0) AS marks FROM findings f JOIN incidents i ON i.id = f.incident_id WHERE verdict LIKE '{%') AS found
WHERE found.seq = past.seq;

-- Alerts of large groups lie apart from their incident, in chunks: one that changes rewrites its chunk alone. doc is the JSON
-- of a chunk, its number included.
CREATE TABLE alerts (
    seq   INTEGER NOT NULL REFERENCES incidents (seq), -- of the incident
    chunk INTEGER NOT NULL,
    doc   TEXT NOT NULL,
    PRIMARY KEY (seq, chunk)
) STRICT, WITHOUT ROWID;

-- repeat_state is what heard was: the part of an incident that repeats and work on its file change. The version is raised with
-- every change of the incident or its findings: what was worked out from an older one is worked out again.
CREATE TABLE repeat_state (
    seq           INTEGER PRIMARY KEY REFERENCES incidents (seq),
    last_heard_at INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    doc           TEXT NOT NULL
) STRICT;
INSERT INTO repeat_state (seq, last_heard_at, version, doc)
SELECT i.seq, h.last_heard_at, 0, h.doc FROM heard h JOIN incidents i ON i.id = h.incident_id;
DROP TABLE heard;

ALTER TABLE findings RENAME TO old_findings;
CREATE TABLE findings (
    seq      INTEGER PRIMARY KEY REFERENCES incidents (seq),
    evidence TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    memory   TEXT NOT NULL
) STRICT;
INSERT INTO findings (seq, evidence, verdict, memory)
SELECT i.seq, f.evidence, f.verdict, f.memory FROM old_findings f JOIN incidents i ON i.id = f.incident_id;
DROP TABLE old_findings;

DROP INDEX work_due;
ALTER TABLE work RENAME TO old_work;
CREATE TABLE work (
    seq           INTEGER NOT NULL REFERENCES incidents (seq),
    kind          TEXT NOT NULL,
    severity_rank INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL, -- of the incident
    due_at        INTEGER, -- NULL: leased, and due no more
    lease_until   INTEGER NOT NULL,
    lease_token   TEXT NOT NULL,
    PRIMARY KEY (seq, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO work (seq, kind, severity_rank, opened_at, due_at, lease_until, lease_token)
SELECT i.seq, w.kind, w.severity_rank, w.opened_at, w.due_at, w.lease_until, w.lease_token
FROM old_work w JOIN incidents i ON i.id = w.incident_id;
DROP TABLE old_work;
CREATE INDEX work_due ON work (kind, severity_rank, due_at);

-- Names in stored JSON as they are now.
UPDATE findings SET evidence = (
    SELECT json_group_array(json(
        CASE item ->> '$.kind'
            WHEN 'neighbours' THEN json_set(item, '$.kind', 'neighbors')
            WHEN 'contrast' THEN json_set(item, '$.kind', 'comparison')
            ELSE item
        END))
    FROM (SELECT CASE WHEN value ->> '$.promql' IS NULL THEN value
            ELSE json_remove(json_set(value, '$.query', value ->> '$.promql', '$.source', 'prometheus'), '$.promql') END AS item
        FROM json_each(evidence) ORDER BY key))
WHERE evidence LIKE '[{%';

UPDATE findings SET memory = (
    SELECT json_group_array(json(
        CASE WHEN item -> '$.doubted' IS NULL THEN item
            ELSE json_remove(json_set(item, '$.marked', json(item -> '$.doubted')), '$.doubted') END))
    FROM (SELECT CASE WHEN value -> '$.likeness' IS NULL THEN value
            ELSE json_remove(json_set(value, '$.similarity', json(value -> '$.likeness')), '$.likeness') END AS item
        FROM json_each(memory) ORDER BY key))
WHERE memory LIKE '[{%';

UPDATE incidents SET doc = json_set(doc, '$.timeline', (
    SELECT json_group_array(json(
        CASE value ->> '$.kind'
            WHEN 'analysed' THEN json_set(value, '$.kind', 'analyzed')
            WHEN 'remarked' THEN json_set(value, '$.kind', 'feedback')
            ELSE value
        END))
    FROM (SELECT value FROM json_each(doc, '$.timeline') ORDER BY key)))
WHERE doc LIKE '%"analysed"%' OR doc LIKE '%"remarked"%';

UPDATE repeat_state SET doc = json_set(doc, '$.event.kind', CASE doc ->> '$.event.kind' WHEN 'analysed' THEN 'analyzed' ELSE 'feedback' END)
WHERE doc ->> '$.event.kind' IN ('analysed', 'remarked');

-- +goose Down
UPDATE incidents SET doc = json_set(doc, '$.alerts', (
    SELECT json_group_array(json(value)) FROM (
        SELECT a.value FROM alerts, json_each(alerts.doc, '$.alerts') AS a WHERE alerts.seq = incidents.seq
        ORDER BY a.value ->> '$.fingerprint')))
WHERE seq IN (SELECT seq FROM alerts);
UPDATE incidents SET doc = json_set(doc,
    '$.file_revision', (SELECT r.doc ->> '$.file.revision' FROM repeat_state r WHERE r.seq = incidents.seq),
    '$.due', json((SELECT coalesce(r.doc -> '$.due', '{}') FROM repeat_state r WHERE r.seq = incidents.seq)))
WHERE seq IN (SELECT seq FROM repeat_state WHERE doc -> '$.file' IS NOT NULL);

CREATE TABLE heard (
    incident_id   TEXT PRIMARY KEY REFERENCES incidents (id),
    last_heard_at INTEGER NOT NULL,
    doc           TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO heard (incident_id, last_heard_at, doc)
SELECT i.id, r.last_heard_at, r.doc FROM repeat_state r JOIN incidents i ON i.seq = r.seq;

ALTER TABLE findings RENAME TO new_findings;
CREATE TABLE findings (
    incident_id TEXT PRIMARY KEY REFERENCES incidents (id),
    evidence    TEXT NOT NULL,
    verdict     TEXT NOT NULL,
    memory      TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO findings (incident_id, evidence, verdict, memory)
SELECT i.id, f.evidence, f.verdict, f.memory FROM new_findings f JOIN incidents i ON i.seq = f.seq;

DROP INDEX work_due;
ALTER TABLE work RENAME TO new_work;
CREATE TABLE work (
    incident_id   TEXT NOT NULL REFERENCES incidents (id),
    kind          TEXT NOT NULL,
    severity_rank INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL,
    due_at        INTEGER,
    lease_until   INTEGER NOT NULL,
    lease_token   TEXT NOT NULL,
    PRIMARY KEY (incident_id, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO work (incident_id, kind, severity_rank, opened_at, due_at, lease_until, lease_token)
SELECT i.id, w.kind, w.severity_rank % 1000, w.opened_at, w.due_at, w.lease_until, w.lease_token
FROM new_work w JOIN incidents i ON i.seq = w.seq;
CREATE INDEX work_due ON work (kind, severity_rank, due_at);

DROP TABLE new_work;
DROP TABLE new_findings;
DROP TABLE repeat_state;
DROP TABLE alerts;
DROP TABLE past;
