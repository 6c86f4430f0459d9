-- +goose Up

-- What is known of the series that detection rules watch: one row each, written when its alert changes and every few hours.
-- state is the detector's own form.
CREATE TABLE detection (
    rule   TEXT NOT NULL,
    series TEXT NOT NULL,
    state  BLOB NOT NULL,
    PRIMARY KEY (rule, series)
) STRICT;

-- +goose Down
DROP TABLE detection;
