-- Organisations that the gateway serves beside its own. Each has a store of its own, with its own messages, people and audit: what stands
-- here is only that it is there, and by which names its mail and its people find it. The gateway's own organisation has no row.
CREATE TABLE tenant (
    key        TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    portal_url TEXT NOT NULL,
    admin_url  TEXT NOT NULL,
    created    INTEGER NOT NULL
) WITHOUT ROWID;
-- Mail for a domain goes to one tenant, and a name leads to one tenant's site. site is 0 for the portal and 1 for the console.
CREATE TABLE tenant_domain (
    domain TEXT PRIMARY KEY,
    tenant TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE tenant_host (
    site   INTEGER NOT NULL,
    host   TEXT NOT NULL,
    tenant TEXT NOT NULL,
    PRIMARY KEY (site, host)
) WITHOUT ROWID;
