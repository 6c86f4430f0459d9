-- +goose Up

-- Notifications don't refer to their incident by a foreign key anymore: without an index, which would scatter each insert, it
-- makes the removal of an incident read them all.
ALTER TABLE notifications RENAME TO old_notifications;
CREATE TABLE notifications (
    seq         INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    receiver    TEXT NOT NULL,
    group_key   TEXT NOT NULL,
    incident_id TEXT, -- NULL: of no incident; the incident may be gone
    outcome     TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;
INSERT INTO notifications (seq, received_at, receiver, group_key, incident_id, outcome, body)
SELECT seq, received_at, receiver, group_key, incident_id, outcome, body FROM old_notifications;
DROP TABLE old_notifications;

-- Incidents that were removed, whose reports are to be removed from disk.
CREATE TABLE forgotten (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    incident_id TEXT NOT NULL,
    report_path TEXT NOT NULL
) STRICT;

-- +goose Down
DROP TABLE forgotten;
