-- How far `sync` has come, so that one that was interrupted goes on where it was.
CREATE TABLE sync_positions (
    -- 'clerk': there is one at a time.
    name TEXT NOT NULL PRIMARY KEY,
    -- Which list is being read, and how many of its entries are done.
    phase TEXT NOT NULL CHECK (phase IN ('users', 'organizations')),
    position BIGINT NOT NULL,
    -- What was found so far, as JSON.
    report TEXT NOT NULL,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;
