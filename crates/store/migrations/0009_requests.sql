-- Requests for originals, and what was decided on them. class, need and state are in crates/store/src/codec.rs; the rules in
-- crates/store/src/four_eyes.rs. ends is when an open request ends by itself, and when an approved one is no longer good.
CREATE TABLE request (
    id         INTEGER PRIMARY KEY,
    message    INTEGER NOT NULL,
    path       TEXT NOT NULL,
    item       INTEGER,
    name       TEXT NOT NULL,
    class      INTEGER NOT NULL,
    need       INTEGER NOT NULL,
    words      TEXT NOT NULL,
    confirmed  INTEGER NOT NULL,
    requester  INTEGER NOT NULL,
    approver   INTEGER,
    quorum     INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    ends       INTEGER NOT NULL,
    downloads  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX request_requester ON request (requester, id);
CREATE INDEX request_message ON request (message);
-- What waits: open and approved.
CREATE INDEX request_waiting ON request (state, ends) WHERE state < 2;

CREATE TABLE decision (
    request  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    user_id  INTEGER NOT NULL,
    role     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    approves INTEGER NOT NULL,
    comment  TEXT NOT NULL,
    PRIMARY KEY (request, number)
) WITHOUT ROWID;
