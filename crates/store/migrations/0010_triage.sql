-- What people do with items of the quarantine: they hold them back from deletion with a note, and have them converted again.
ALTER TABLE quarantine ADD COLUMN on_hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN note TEXT;
-- Lists by one of these, newest first, in a table of a million rows.
CREATE INDEX quarantine_type ON quarantine (detected_type, id);
CREATE INDEX quarantine_created ON quarantine (created);
CREATE INDEX quarantine_hold ON quarantine (id) WHERE on_hold = 1;

-- The last conversion of an item that was asked for, and what came of it: for a mail the second mail, for an upload the file alone.
CREATE TABLE retry (
    item       INTEGER PRIMARY KEY,
    state      INTEGER NOT NULL,
    policy     INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    asked      INTEGER NOT NULL,
    done       INTEGER,
    reason     INTEGER,
    receipt    TEXT,
    subject    TEXT,
    name       TEXT,
    media_type TEXT,
    findings   TEXT,
    file       INTEGER,
    bytes      INTEGER NOT NULL DEFAULT 0,
    mail       INTEGER
);
CREATE INDEX retry_waiting ON retry (asked) WHERE state = 0;

-- Filters of lists that people keep: query is what stands behind the question mark.
CREATE TABLE saved_filter (
    user_id INTEGER NOT NULL,
    name    TEXT NOT NULL,
    query   TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
) WITHOUT ROWID;
