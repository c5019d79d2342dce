-- Users, organizations, memberships, and what is remembered of those that are gone.
-- Ids are UUIDv7 as hyphenated text; times are RFC 3339 text in UTC, whose order is the order of time.

CREATE TABLE users (
    id TEXT NOT NULL UNIQUE,
    -- What every request looks its user up by, so the row is kept under it.
    clerk_user_id TEXT NOT NULL PRIMARY KEY,
    -- Not unique: a person who deletes an account and registers again has a new Clerk id and the old address.
    email TEXT,
    email_verified BOOLEAN NOT NULL DEFAULT FALSE,
    -- As of when the address holds; the later statement about it wins, whichever way it came.
    email_as_of TEXT,
    name TEXT,
    preferred_name TEXT,
    pronouns TEXT,
    timezone TEXT,
    notes TEXT,
    context TEXT,
    is_super_admin BOOLEAN NOT NULL DEFAULT FALSE,
    active_organization_id TEXT REFERENCES organizations (id) ON DELETE SET NULL,
    banned BOOLEAN NOT NULL DEFAULT FALSE,
    -- The updated_at of the newest event or API answer applied; older ones change nothing.
    clerk_updated_at TEXT,
    -- Back-off of profile calls to Clerk, shared by all instances.
    profile_next_try TEXT,
    profile_tried_at TEXT,
    profile_tries BIGINT NOT NULL DEFAULT 0,
    -- The mark of a deletion under way. While it is set the user is refused everywhere else.
    deletion_attempt TEXT,
    deletion_marked_at TEXT,
    deletion_from_clerk BOOLEAN,
    -- The sessions that asked for it, separated by spaces.
    deletion_sessions TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX users_by_active_organization ON users (active_organization_id);
CREATE INDEX users_by_deletion ON users (deletion_marked_at) WHERE deletion_marked_at IS NOT NULL;

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    clerk_organization_id TEXT UNIQUE,
    -- Set on the organization that came with a user: at most one each.
    personal_user_id TEXT UNIQUE REFERENCES users (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    -- Clerk's id of the user who created it there: an admin who is its owner here.
    clerk_created_by TEXT,
    clerk_updated_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE organization_members (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    clerk_membership_id TEXT UNIQUE,
    clerk_updated_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (organization_id, user_id)
);
CREATE INDEX organization_members_by_organization ON organization_members (organization_id, created_at, id);
-- All that is shown of one's own membership, so that reading it touches nothing but this index.
CREATE INDEX organization_members_by_user ON organization_members
    (user_id, created_at, id, organization_id, role, updated_at);

-- What was deleted and must not come back: kind is 'user', 'organization' or 'membership', clerk_id is Clerk's.
CREATE TABLE tombstones (
    kind TEXT NOT NULL CHECK (kind IN ('user', 'organization', 'membership')),
    clerk_id TEXT NOT NULL,
    -- TRUE: gone at Clerk, refuse for ever. FALSE: the Clerk user was kept, refuse what was issued before deleted_at.
    permanent BOOLEAN NOT NULL,
    deleted_at TEXT NOT NULL,
    PRIMARY KEY (kind, clerk_id)
) WITHOUT ROWID;

-- Ids of webhook messages already applied; written in the transaction of their effect.
CREATE TABLE webhook_messages (
    id TEXT NOT NULL PRIMARY KEY,
    received_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX webhook_messages_by_age ON webhook_messages (received_at);

-- Sessions that count no more although their tokens have not expired. expires_at NULL: for ever.
CREATE TABLE revoked_sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    revoked_at TEXT NOT NULL,
    expires_at TEXT
) WITHOUT ROWID;
CREATE INDEX revoked_sessions_by_expiry ON revoked_sessions (expires_at) WHERE expires_at IS NOT NULL;
