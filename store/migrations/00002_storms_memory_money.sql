-- +goose Up

-- What storms go by. Incidents that were opened before have none: they are linked with nothing.
ALTER TABLE incidents ADD COLUMN scope TEXT NOT NULL DEFAULT '';
-- In a storm the most severe are looked for with every incident that opens: one rank after the other, each in its order.
CREATE INDEX incidents_scope ON incidents (scope, severity_rank, opened_at) WHERE scope <> '';

-- JSON of the earlier incidents that were recalled; '' for none.
ALTER TABLE findings ADD COLUMN memory TEXT NOT NULL DEFAULT '';

-- USD that the call may cost at most: it counts while what it cost is not known.
ALTER TABLE model_calls ADD COLUMN reserved REAL NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE model_calls DROP COLUMN reserved;
ALTER TABLE findings DROP COLUMN memory;
DROP INDEX incidents_scope;
ALTER TABLE incidents DROP COLUMN scope;
