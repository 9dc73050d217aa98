-- The history of one user: batches whose links still work. Rows of a batch stay longer than its link, and those are passed over unread.
CREATE INDEX batch_live ON batch (owner, expires) WHERE owner IS NOT NULL;
