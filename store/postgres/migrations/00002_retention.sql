-- +goose Up

-- Incidents that were removed, whose reports are to be removed from every copy's disk.
CREATE TABLE forgotten (
    seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          bigint NOT NULL,
    incident_id text NOT NULL,
    report_path text NOT NULL
);

-- +goose Down
DROP TABLE forgotten;
