-- Plain SQL on purpose: the same tables come to PostgreSQL. Times are Unix milliseconds. Enums are small integers
-- (crates/store/src/codec.rs). Where an order of columns or an index looks odd, the reason is written beside it.

-- Bytes, apart from the rows that name them: updating a row in SQLite writes the whole record anew, overflow pages too.
CREATE TABLE content (
    id      INTEGER PRIMARY KEY,
    bytes   BLOB,
    file    TEXT,
    length  INTEGER NOT NULL,
    digest  BLOB
);
CREATE INDEX content_file ON content (file) WHERE file IS NOT NULL;

CREATE TABLE message (
    id             INTEGER PRIMARY KEY,
    receipt        TEXT NOT NULL UNIQUE,
    origin         INTEGER NOT NULL,
    received       INTEGER NOT NULL,
    peer           TEXT,
    helo           TEXT,
    tls            TEXT,
    sender         TEXT,
    recipients     TEXT NOT NULL,
    smtputf8       INTEGER NOT NULL,
    body_8bit      INTEGER NOT NULL,
    batch          INTEGER,
    file_name      TEXT,
    user_name      TEXT,
    about          INTEGER,
    duplicate_of   INTEGER,
    fingerprint    INTEGER NOT NULL,
    original       INTEGER,
    original_bytes INTEGER NOT NULL,
    generation     INTEGER,
    verdict        INTEGER,
    completed      INTEGER,
    subject        TEXT,
    header_from    TEXT,
    findings       TEXT,
    account        TEXT,
    output         INTEGER,
    output_bytes   INTEGER,
    -- When the purge has to look at this message next.
    purge_at       INTEGER
);
CREATE INDEX message_batch ON message (batch) WHERE batch IS NOT NULL;
CREATE INDEX message_purge ON message (purge_at) WHERE purge_at IS NOT NULL;
-- Lists by verdict: nearly all are 0, and for those walking the table backwards is as good.
CREATE INDEX message_attention ON message (verdict, id) WHERE verdict > 0;

CREATE TABLE part (
    message       INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    path          TEXT NOT NULL,
    name          TEXT NOT NULL,
    output_name   TEXT,
    detected_type TEXT NOT NULL,
    media_type    TEXT,
    verdict       INTEGER NOT NULL,
    reason        INTEGER,
    limit_value   INTEGER NOT NULL,
    actual_value  INTEGER NOT NULL,
    findings      TEXT,
    bytes_in      INTEGER NOT NULL,
    bytes_out     INTEGER NOT NULL,
    millis        INTEGER NOT NULL,
    result        INTEGER,
    PRIMARY KEY (message, number)
) WITHOUT ROWID;

-- Only jobs that are not done. due is the time from which a job may run, less a head start for uploads, behind which
-- a person waits: one index then gives both the order and, as mail grows older than the head start, no starvation.
CREATE TABLE job (
    message     INTEGER PRIMARY KEY,
    due         INTEGER NOT NULL,
    state       INTEGER NOT NULL DEFAULT 0,
    generation  INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    why         TEXT
);
CREATE INDEX job_due ON job (state, due);

CREATE TABLE delivery (
    message  INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    address  TEXT NOT NULL,
    state    INTEGER NOT NULL DEFAULT 0,
    due      INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    reply    TEXT,
    queued   INTEGER NOT NULL,
    finished INTEGER,
    PRIMARY KEY (message, number)
) WITHOUT ROWID;
-- State 2 and above is final.
CREATE INDEX delivery_due ON delivery (due) WHERE state < 2;

CREATE TABLE quarantine (
    id            INTEGER PRIMARY KEY,
    message       INTEGER NOT NULL,
    path          TEXT NOT NULL,
    name          TEXT NOT NULL,
    detected_type TEXT NOT NULL,
    reason        INTEGER,
    bytes         INTEGER NOT NULL,
    content       INTEGER,
    state         INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    expires       INTEGER NOT NULL
);
CREATE INDEX quarantine_message ON quarantine (message);
CREATE INDEX quarantine_expires ON quarantine (expires) WHERE content IS NOT NULL;

CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    event   TEXT NOT NULL,
    message INTEGER,
    detail  TEXT NOT NULL,
    hash    BLOB NOT NULL
);
CREATE INDEX audit_message ON audit (message) WHERE message IS NOT NULL;
CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TABLE refusal (
    id        INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    peer      TEXT NOT NULL,
    helo      TEXT,
    sender    TEXT,
    recipient TEXT,
    code      INTEGER NOT NULL,
    text      TEXT NOT NULL
);

CREATE TABLE batch (
    id        INTEGER PRIMARY KEY,
    token     TEXT NOT NULL UNIQUE,
    user_name TEXT,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL
);
CREATE INDEX batch_user ON batch (user_name, id) WHERE user_name IS NOT NULL;

CREATE TABLE users (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL UNIQUE,
    password_hash  TEXT NOT NULL,
    role           INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    locked_until   INTEGER,
    created        INTEGER NOT NULL,
    last_sign_in   INTEGER
);

CREATE TABLE session (
    token    BLOB PRIMARY KEY,
    user_id  INTEGER NOT NULL,
    site     INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    seen     INTEGER NOT NULL,
    idle     INTEGER NOT NULL,
    expires  INTEGER NOT NULL
);
CREATE INDEX session_user ON session (user_id);

CREATE TABLE setup_token (
    token   BLOB PRIMARY KEY,
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER
);

-- Running totals for the metrics, and the highest identifiers ever given, so that none is given twice after a purge.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);

CREATE TABLE health (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
);
