-- Whose an upload is, by the number of the account: a name can be given to somebody else later. user_name stays for display. What was
-- there before goes to the account that had the name then; one that was put aside has its number behind a tilde (external.rs).
ALTER TABLE batch ADD COLUMN owner INTEGER;
UPDATE batch SET owner = (
    SELECT u.id FROM users u WHERE u.created <= batch.created
       AND (u.name = batch.user_name OR u.name = batch.user_name || '~' || u.id)
     ORDER BY u.created DESC LIMIT 1) WHERE user_name IS NOT NULL;
DROP INDEX batch_user;
CREATE INDEX batch_owner ON batch (owner, id) WHERE owner IS NOT NULL;

-- 104 is the reason `infected`: what converting an item again has shown of it before this was written down there.
UPDATE quarantine SET reason = 104 WHERE id IN (SELECT item FROM retry WHERE reason = 104);

-- What does not pass inside of what was converted again; it becomes an item when that is released.
CREATE TABLE retry_held (
    item          INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    path          TEXT NOT NULL,
    name          TEXT NOT NULL,
    detected_type TEXT NOT NULL,
    reason        INTEGER NOT NULL,
    locked        INTEGER NOT NULL,
    bytes         INTEGER NOT NULL,
    content       INTEGER NOT NULL,
    PRIMARY KEY (item, number)
) WITHOUT ROWID;

-- 1: a person deleted it. It is handed out no more, also not from what it lies in.
ALTER TABLE quarantine ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
UPDATE quarantine SET deleted = 1 WHERE state = 2 AND id IN (
    SELECT json_extract(detail, '$.item') FROM audit WHERE event = 'quarantine_deleted');
CREATE INDEX quarantine_deleted ON quarantine (message) WHERE deleted = 1;

-- Who made an account, changed what it may do, or let it be signed in with anew, and when last.
CREATE TABLE account_hand (
    user_id INTEGER NOT NULL,
    hand    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, hand)
) WITHOUT ROWID;
INSERT INTO account_hand (user_id, hand, at)
SELECT json_extract(a.detail, '$.user'), h.id, max(a.at) FROM audit a JOIN users h ON h.name = a.actor AND h.created <= a.at
 WHERE a.event IN ('user_created', 'user_role_set', 'user_state_set', 'user_password_reset', 'second_factor_removed')
   AND json_extract(a.detail, '$.user') <> h.id
 GROUP BY 1, 2;

-- The author of a planned list by number: it is carried out only while that account may make such changes.
ALTER TABLE change_set ADD COLUMN actor_id INTEGER;
UPDATE change_set SET actor_id = (SELECT u.id FROM users u WHERE u.name = change_set.actor AND u.created <= change_set.created)
 WHERE state = 0;
