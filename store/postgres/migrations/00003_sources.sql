-- +goose Up

-- Metrics from queues. A part is a partition of a Kafka topic; a queue of RabbitMQ has one, 0.

-- How far each part of a source was taken: the newest entry of its journal, and where reading goes on.
CREATE TABLE sources (
    source   text NOT NULL,
    part     integer NOT NULL,
    seq      bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (source, part)
);

-- The points that were taken since their series were saved, in the form of the reader's own, one row for each commit.
CREATE TABLE source_journal (
    source text NOT NULL,
    part   integer NOT NULL,
    seq    bigint NOT NULL,
    entry  bytea NOT NULL,
    PRIMARY KEY (source, part, seq)
);

-- What is known of the series of a part, as of some entry of the journal.
CREATE TABLE source_series (
    source text NOT NULL,
    part   integer NOT NULL,
    rule   text NOT NULL,
    series text NOT NULL,
    state  bytea NOT NULL,
    PRIMARY KEY (source, part, rule, series)
);

-- Events that are to be published, until they were.
CREATE TABLE source_events (
    seq    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    part   integer NOT NULL,
    id     text NOT NULL,
    body   bytea NOT NULL
);
CREATE INDEX source_events_part ON source_events (source, part, seq);

-- +goose Down
DROP TABLE source_events, source_series, source_journal, sources;
