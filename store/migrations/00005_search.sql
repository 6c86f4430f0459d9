-- +goose Up

-- What lists are searched by. Rows have the seq of their incident and hold no text, only what is found by it. Words are names,
-- label values, summaries, and what people said; facets are the labels as one word each (see search.go), so that the vocabulary
-- knows all values of a label. What the model said is apart: it changes at other times.
CREATE VIRTUAL TABLE search_incidents USING fts5(words, facets, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE search_verdicts USING fts5(words, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE search_terms USING fts5vocab(search_incidents, row);

-- +goose StatementBegin
CREATE TRIGGER search_forgets AFTER DELETE ON incidents BEGIN
    DELETE FROM search_incidents WHERE rowid = old.seq;
    DELETE FROM search_verdicts WHERE rowid = old.seq;
END;
-- +goose StatementEnd

-- Incidents of before are entered after the start, the newest first: those whose seq is not below this are there.
CREATE TABLE search_backfill (
    id    INTEGER PRIMARY KEY,
    below INTEGER NOT NULL
) STRICT;
INSERT INTO search_backfill (id, below) SELECT 1, coalesce(max(seq), 0) + 1 FROM incidents;

-- +goose Down

DROP TABLE search_backfill;
DROP TRIGGER search_forgets;
DROP TABLE search_terms;
DROP TABLE search_verdicts;
DROP TABLE search_incidents;
