-- +goose Up

-- What Alertmanager sent, as it was received. Append only; old rows are pruned.
CREATE TABLE notifications (
    seq         INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL, -- all times are microseconds since 1970
    receiver    TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    incident_id TEXT REFERENCES incidents (id), -- NULL: of no incident
    outcome     TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- doc is the JSON of the incident and holds all of it but what is in heard; the columns before it are what is searched
-- for.
CREATE TABLE incidents (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    receiver        TEXT NOT NULL,
    group_key       TEXT NOT NULL,
    firing          INTEGER NOT NULL, -- 1 while status is firing: lists begin with those
    status          TEXT NOT NULL,
    severity        TEXT NOT NULL,
    severity_rank   INTEGER NOT NULL,
    alertname       TEXT NOT NULL,
    analysis_state  TEXT NOT NULL,
    analysis_reason TEXT NOT NULL,
    opened_at       INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    doc             TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_group ON incidents (receiver, group_key, seq);
CREATE UNIQUE INDEX incidents_open ON incidents (receiver, group_key) WHERE status <> 'resolved';
-- Lists are read in the order of this index; the filters are in it, so that what does not match costs no row.
CREATE INDEX incidents_list ON incidents (firing, opened_at, seq, status, severity, alertname);
CREATE INDEX incidents_evidence_only ON incidents (analysis_reason, severity_rank, opened_at)
    WHERE firing = 1 AND analysis_state = 'evidence_only';

-- The part of an incident that a repeat changes: when it was heard of last, counters, and the last event of its timeline.
CREATE TABLE heard (
    incident_id   TEXT PRIMARY KEY REFERENCES incidents (id),
    last_heard_at INTEGER NOT NULL,
    doc           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Evidence and verdict lie apart from their incident: folding neither reads nor rewrites them.
CREATE TABLE findings (
    incident_id TEXT PRIMARY KEY REFERENCES incidents (id),
    evidence    TEXT NOT NULL,
    verdict     TEXT NOT NULL
) STRICT;

-- What is due on incidents, and who has leased it. It mirrors the due times of doc, one row for each kind of work that
-- is due or leased, so that finding work costs as much as there is work and not as there are incidents.
CREATE TABLE work (
    incident_id   TEXT NOT NULL REFERENCES incidents (id),
    kind          TEXT NOT NULL,
    severity_rank INTEGER NOT NULL,
    opened_at     INTEGER NOT NULL, -- of the incident
    due_at        INTEGER, -- NULL: leased, and due no more
    lease_until   INTEGER NOT NULL,
    lease_token   TEXT NOT NULL,
    PRIMARY KEY (incident_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_due ON work (kind, severity_rank, due_at);

-- The ledger of model calls. A call is entered before it is made.
CREATE TABLE model_calls (
    seq               INTEGER PRIMARY KEY,
    incident_id       TEXT NOT NULL,
    called_at         INTEGER NOT NULL,
    settled_at        INTEGER, -- NULL: under way, or we died in it
    model             TEXT NOT NULL DEFAULT '',
    calls             INTEGER NOT NULL DEFAULT 0,
    prompt_tokens     INTEGER NOT NULL DEFAULT 0,
    cached_tokens     INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0,
    cost              REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX model_calls_called_at ON model_calls (called_at);

-- One row that is rewritten to see whether the database can be written.
CREATE TABLE heartbeat (
    id      INTEGER PRIMARY KEY,
    beat_at INTEGER NOT NULL
) STRICT;
INSERT INTO heartbeat (id, beat_at) VALUES (1, 0);

-- +goose Down
DROP TABLE heartbeat;
DROP TABLE model_calls;
DROP TABLE work;
DROP TABLE findings;
DROP TABLE heard;
DROP TABLE notifications;
DROP TABLE incidents;
