-- What people search messages and withheld originals by, as trigrams of text that crates/store/src/words.rs normalises. Only the
-- index is kept, not the text. What was there before comes in afterwards (Store::index_words), newest first.
CREATE VIRTUAL TABLE message_words USING fts5(
    receipt, sender, recipients, subject, names, marks,
    content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
CREATE VIRTUAL TABLE item_words USING fts5(
    receipt, sender, subject, name, marks,
    content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO counter (name, value) SELECT 'messages_to_index', coalesce(max(id), 0) FROM message;
INSERT INTO counter (name, value) SELECT 'items_to_index', coalesce(max(id), 0) FROM quarantine;

-- Uploads and notices are few among mails, and an identifier is looked up as a whole.
CREATE INDEX message_origin ON message (origin, id) WHERE origin > 0;
CREATE INDEX message_identifier ON message (message_id) WHERE message_id IS NOT NULL;

-- Nearly all of the audit is what the gateway does with each message; what is left out here is found by walking backwards.
CREATE INDEX audit_actor ON audit (actor, seq) WHERE actor <> 'gateway';
CREATE INDEX audit_event ON audit (event, seq) WHERE event NOT IN ('accepted', 'completed', 'delivery');

-- Published policies (crates/store/src/policy.rs). A version never changes.
CREATE TABLE policy_version (
    version INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    why     TEXT NOT NULL,
    text    TEXT NOT NULL
);
