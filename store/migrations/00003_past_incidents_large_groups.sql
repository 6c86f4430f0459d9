-- +goose Up

-- What later incidents of an alert name are told of an incident. It is read with every collection of evidence, so it is small,
-- and no incident is decoded for it. doc is the JSON of incident.PastRecord and holds what the columns do not.
CREATE TABLE past (
    incident_id  TEXT PRIMARY KEY REFERENCES incidents (id),
    alertname    TEXT NOT NULL,
    opened_at    INTEGER NOT NULL,
    has_feedback INTEGER NOT NULL,
    hypothesis   TEXT NOT NULL DEFAULT '', -- the first cause of the verdict
    marked       INTEGER NOT NULL DEFAULT 0, -- 1: our checks have marked it
    doc          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX past_alertname ON past (alertname, opened_at);
CREATE INDEX past_feedback ON past (alertname, opened_at) WHERE has_feedback = 1;

INSERT INTO past (incident_id, alertname, opened_at, has_feedback, doc)
SELECT id, alertname, opened_at, coalesce(json_array_length(doc, '$.feedback'), 0) > 0, json_object(
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
FROM (SELECT incident_id, coalesce(verdict ->> '$.causes[0].hypothesis', '') AS said,
        coalesce(json_array_length(verdict, '$.causes[0].marks'), 0) AS marks FROM findings WHERE verdict LIKE '{%') AS found
WHERE found.incident_id = past.incident_id;

-- Alerts of large groups lie apart from their incident, in chunks: one that changes rewrites its chunk alone. doc is the JSON
-- of a chunk, its number included.
CREATE TABLE alerts (
    incident_id TEXT NOT NULL REFERENCES incidents (id),
    chunk       INTEGER NOT NULL,
    doc         TEXT NOT NULL,
    PRIMARY KEY (incident_id, chunk)
) STRICT, WITHOUT ROWID;

-- Raised with every change of the incident or its findings: what was worked out from an older one is worked out again.
ALTER TABLE heard ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

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

UPDATE heard SET doc = json_set(doc, '$.event.kind', CASE doc ->> '$.event.kind' WHEN 'analysed' THEN 'analyzed' ELSE 'feedback' END)
WHERE doc ->> '$.event.kind' IN ('analysed', 'remarked');

-- +goose Down
UPDATE incidents SET doc = json_set(doc, '$.alerts', (
    SELECT json_group_array(json(value)) FROM (
        SELECT a.value FROM alerts, json_each(alerts.doc, '$.alerts') AS a WHERE alerts.incident_id = incidents.id
        ORDER BY a.value ->> '$.fingerprint')))
WHERE id IN (SELECT incident_id FROM alerts);
UPDATE incidents SET doc = json_set(doc,
    '$.file_revision', (SELECT doc ->> '$.file.revision' FROM heard WHERE incident_id = id),
    '$.due', json((SELECT coalesce(doc -> '$.due', '{}') FROM heard WHERE incident_id = id)))
WHERE id IN (SELECT incident_id FROM heard WHERE doc -> '$.file' IS NOT NULL);
ALTER TABLE heard DROP COLUMN version;
DROP TABLE alerts;
DROP TABLE past;
