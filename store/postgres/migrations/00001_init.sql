-- +goose Up

-- The lowest version of this schema that a copy has to know to work on the database. A migration that older copies can live with
-- leaves it as it is.
CREATE TABLE compatibility (
    id    integer PRIMARY KEY CHECK (id = 1),
    needs bigint NOT NULL
);
INSERT INTO compatibility (id, needs) VALUES (1, 1);

-- What Alertmanager sent, as it was received. Append only; old rows are pruned.
CREATE TABLE notifications (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at bigint NOT NULL, -- all times are microseconds since 1970
    receiver    text NOT NULL,   -- to look at; the body is what counts
    group_key   text NOT NULL,
    incident_id text, -- NULL: of no incident
    outcome     text NOT NULL,
    body        bytea NOT NULL
);

-- doc is the JSON of the incident and holds all of it but what is in repeat_state and, of large groups, the alerts. The columns
-- before it are what is searched for. JSON is stored as text: what strangers send may have NULs, which jsonb refuses.
CREATE TABLE incidents (
    seq             bigint PRIMARY KEY,
    id              text NOT NULL UNIQUE,
    group_hash      bytea NOT NULL,  -- of receiver and group key, which may be of any length and bytes
    group_lock      bigint NOT NULL, -- the advisory lock of the group
    key_hash        bytea NOT NULL,  -- of the group key alone
    status          text NOT NULL,
    severity        text NOT NULL,
    severity_rank   integer NOT NULL,
    list_rank       integer NOT NULL, -- severity_rank while it fires, else behind all of them
    alertname       text NOT NULL,
    analysis_state  text NOT NULL,
    analysis_reason text NOT NULL,
    opened_at       bigint NOT NULL,
    revision        bigint NOT NULL,
    scope           text NOT NULL, -- '': linked with nothing
    doc             text NOT NULL
);
CREATE SEQUENCE incidents_seq AS bigint OWNED BY incidents.seq;
CREATE INDEX incidents_group ON incidents (group_hash, seq);
CREATE UNIQUE INDEX incidents_open ON incidents (group_hash) WHERE status <> 'resolved';
CREATE INDEX incidents_key ON incidents (key_hash);
CREATE INDEX incidents_list ON incidents (list_rank, opened_at DESC, seq DESC);
CREATE INDEX incidents_opened ON incidents (opened_at DESC, seq DESC);
CREATE INDEX incidents_alertname ON incidents (alertname, opened_at);
CREATE INDEX incidents_firing ON incidents (opened_at) WHERE status = 'firing';
CREATE INDEX incidents_evidence_only ON incidents (analysis_reason, severity_rank, opened_at)
    WHERE status = 'firing' AND analysis_state = 'evidence_only';
CREATE INDEX incidents_scope ON incidents (scope, severity_rank, opened_at, seq) WHERE scope <> '';

-- The part of an incident that repeats and work on its file change. The version is another number after every change of the
-- incident: by it a copy knows whether what it remembers is still so.
CREATE TABLE repeat_state (
    seq           bigint PRIMARY KEY REFERENCES incidents (seq) ON DELETE CASCADE,
    last_heard_at bigint NOT NULL,
    version       bigint NOT NULL,
    doc           text NOT NULL
) WITH (fillfactor = 50);

-- Alerts of large groups, in chunks: one that changes rewrites its chunk alone.
CREATE TABLE alerts (
    seq   bigint NOT NULL REFERENCES incidents (seq) ON DELETE CASCADE,
    chunk integer NOT NULL,
    doc   text NOT NULL,
    PRIMARY KEY (seq, chunk)
);

CREATE TABLE findings (
    seq      bigint PRIMARY KEY REFERENCES incidents (seq) ON DELETE CASCADE,
    evidence text NOT NULL,
    verdict  text NOT NULL,
    memory   text NOT NULL,
    looks    text NOT NULL
);

-- What is due on incidents, and who has leased it: one row for each kind of work that is due or leased.
CREATE TABLE work (
    seq           bigint NOT NULL REFERENCES incidents (seq) ON DELETE CASCADE,
    kind          text NOT NULL,
    severity_rank integer NOT NULL,
    opened_at     bigint NOT NULL, -- of the incident
    due_at        bigint, -- NULL: leased, and due no more
    lease_until   bigint NOT NULL DEFAULT 0,
    lease_token   text NOT NULL DEFAULT '',
    PRIMARY KEY (seq, kind)
) WITH (fillfactor = 70);
CREATE INDEX work_due ON work (kind, severity_rank, due_at);

-- What later incidents of an alert name are told of an incident.
CREATE TABLE past (
    seq          bigint PRIMARY KEY REFERENCES incidents (seq) ON DELETE CASCADE,
    incident_id  text NOT NULL,
    alertname    text NOT NULL,
    opened_at    bigint NOT NULL,
    has_feedback boolean NOT NULL,
    hypothesis   text NOT NULL DEFAULT '', -- the first cause of the verdict
    marked       boolean NOT NULL DEFAULT false, -- our checks have marked it
    doc          text NOT NULL
);
CREATE INDEX past_alertname ON past (alertname, opened_at);
CREATE INDEX past_feedback ON past (alertname, opened_at) WHERE has_feedback;

-- What incidents are found by. Words are made by us, positions included, so that no dictionary of the server has a say.
CREATE TABLE search (
    seq          bigint PRIMARY KEY REFERENCES incidents (seq) ON DELETE CASCADE,
    words        tsvector NOT NULL, -- of names, label values, summaries, and what people said
    verdict      tsvector NOT NULL DEFAULT '', -- of what the model said
    labels       jsonb NOT NULL, -- the values of each label
    fingerprints text[] NOT NULL
);
CREATE INDEX search_words ON search USING gin (words);
CREATE INDEX search_verdict ON search USING gin (verdict);
CREATE INDEX search_labels ON search USING gin (labels);
CREATE INDEX search_fingerprints ON search USING gin (fingerprints);

-- The ledger of model calls. A call is entered before it is made.
CREATE TABLE model_calls (
    seq               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id       text NOT NULL,
    called_at         bigint NOT NULL,
    settled_at        bigint, -- NULL: under way, or who made it has died
    model             text NOT NULL DEFAULT '',
    calls             bigint NOT NULL DEFAULT 0,
    prompt_tokens     bigint NOT NULL DEFAULT 0,
    cached_tokens     bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost              double precision NOT NULL DEFAULT 0,
    reserved          double precision NOT NULL DEFAULT 0 -- USD that it may cost at most
);
CREATE INDEX model_calls_called_at ON model_calls (called_at);

-- When a channel was first there.
CREATE TABLE channels (
    name  text PRIMARY KEY,
    since bigint NOT NULL
);

-- What each channel was told of an incident.
CREATE TABLE deliveries (
    seq     bigint NOT NULL REFERENCES incidents (seq) ON DELETE CASCADE,
    channel text NOT NULL,
    open    boolean NOT NULL,
    kept    boolean NOT NULL,
    doc     text NOT NULL,
    PRIMARY KEY (seq, channel)
);
CREATE INDEX deliveries_open ON deliveries (seq) WHERE open;
CREATE INDEX deliveries_kept ON deliveries (channel) WHERE kept;

-- What is known of the series that detection rules watch.
CREATE TABLE detection (
    rule   text NOT NULL,
    series text NOT NULL,
    state  bytea NOT NULL,
    PRIMARY KEY (rule, series)
);

-- What one copy at a time does: serve a channel, evaluate a group of rules.
CREATE TABLE duties (
    name        text PRIMARY KEY,
    lease_until bigint NOT NULL,
    lease_token text NOT NULL
);

-- One row that is rewritten to see whether the database can be written.
CREATE TABLE heartbeat (
    id      integer PRIMARY KEY CHECK (id = 1),
    beat_at bigint NOT NULL
);
INSERT INTO heartbeat (id, beat_at) VALUES (1, 0);

-- +goose Down
DROP TABLE heartbeat, duties, detection, deliveries, channels, model_calls, search, past, work, findings, alerts, repeat_state,
    incidents, notifications, compatibility;
