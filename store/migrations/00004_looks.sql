-- +goose Up

-- The looks that are kept beside the newest one, which is the evidence: the first, and the one that the verdict was made from.
ALTER TABLE findings ADD COLUMN looks TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE findings DROP COLUMN looks;
