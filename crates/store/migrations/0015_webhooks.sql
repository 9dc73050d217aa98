-- What other systems are told (webhooks), until they have it. An id is never given twice: the receiver knows a repetition by it.
-- state: 0 waits for its time, 1 taken, 2 given up. data is a JSON object without names and subjects.
CREATE TABLE hook_delivery (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    hook     TEXT NOT NULL,
    event    TEXT NOT NULL,
    data     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    give_up  INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state    INTEGER NOT NULL DEFAULT 0,
    status   INTEGER,
    note     TEXT,
    finished INTEGER
);
CREATE INDEX hook_delivery_due ON hook_delivery (hook, due) WHERE state = 0;
CREATE INDEX hook_delivery_waiting ON hook_delivery (hook, id) WHERE state = 0;
CREATE INDEX hook_delivery_list ON hook_delivery (hook, id);
CREATE INDEX hook_delivery_finished ON hook_delivery (finished) WHERE state > 0;
