-- Batches whose sender may be told by mail when they are done, from which message on: what is sent into a batch later is waited for anew.
-- A row goes when its sender was told, or when it turns out that there is nothing to tell.
CREATE TABLE awaited (
    batch INTEGER PRIMARY KEY,
    first INTEGER NOT NULL
);
