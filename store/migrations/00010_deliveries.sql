-- +goose Up

-- When a channel was first there: it is told nothing of incidents that opened before.
CREATE TABLE channels (
    name  TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each channel was told of an incident. doc is the JSON of incident.Delivery and holds what the columns do not.
CREATE TABLE deliveries (
    seq     INTEGER NOT NULL REFERENCES incidents (seq) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    open    INTEGER NOT NULL, -- 1: there may be more to tell
    kept    INTEGER NOT NULL, -- 1: the channel has to be told again, all the time
    doc     TEXT NOT NULL,
    PRIMARY KEY (seq, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_open ON deliveries (seq) WHERE open = 1;
CREATE INDEX deliveries_kept ON deliveries (channel) WHERE kept = 1;

-- +goose Down
DROP TABLE deliveries;
DROP TABLE channels;
