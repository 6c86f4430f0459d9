-- +goose Up

-- Metrics from queues. A part is a partition of a Kafka topic; a queue of RabbitMQ has one, 0.

-- How far each part of a source was taken: the newest entry of its journal, and where reading goes on.
CREATE TABLE sources (
    source   TEXT NOT NULL,
    part     INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (source, part)
) STRICT;

-- The points that were taken since their series were saved, in the form of the reader's own, one row for each commit.
CREATE TABLE source_journal (
    source TEXT NOT NULL,
    part   INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    entry  BLOB NOT NULL,
    PRIMARY KEY (source, part, seq)
) STRICT;

-- What is known of the series of a part, as of some entry of the journal.
CREATE TABLE source_series (
    source TEXT NOT NULL,
    part   INTEGER NOT NULL,
    rule   TEXT NOT NULL,
    series TEXT NOT NULL,
    state  BLOB NOT NULL,
    PRIMARY KEY (source, part, rule, series)
) STRICT;

-- Events that are to be published, until they were.
CREATE TABLE source_events (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    part   INTEGER NOT NULL,
    id     TEXT NOT NULL,
    body   BLOB NOT NULL
) STRICT;
CREATE INDEX source_events_part ON source_events (source, part, seq);

-- +goose Down
DROP TABLE source_events;
DROP TABLE source_series;
DROP TABLE source_journal;
DROP TABLE sources;
