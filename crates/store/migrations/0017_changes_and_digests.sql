-- Changes of accounts that were read from a list and take effect at a time. state: 0 planned, 1 done, 2 withdrawn. rows is a JSON list
-- (crates/store/src/changes.rs); it is emptied when the changes are done or withdrawn, since it holds password hashes.
CREATE TABLE change_set (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    actor     TEXT NOT NULL,
    created   INTEGER NOT NULL,
    effective INTEGER NOT NULL,
    state     INTEGER NOT NULL DEFAULT 0,
    finished  INTEGER,
    added     INTEGER NOT NULL,
    changed   INTEGER NOT NULL,
    stopped   INTEGER NOT NULL,
    skipped   INTEGER NOT NULL DEFAULT 0,
    rows      TEXT NOT NULL
);
CREATE INDEX change_set_planned ON change_set (effective) WHERE state = 0;

-- Digest mails that were composed or found needless, by the moment they were for: none is sent twice.
CREATE TABLE digest_slot (
    slot    INTEGER PRIMARY KEY,
    message INTEGER
);
