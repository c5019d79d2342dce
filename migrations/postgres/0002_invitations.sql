-- Invitations into local organizations. Only open ones are kept: one that is accepted, revoked or replaced is
-- deleted at once, one that has expired counts no more and is deleted later.

CREATE TABLE organization_invitations (
    id UUID NOT NULL PRIMARY KEY,
    organization_id UUID NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    -- Whom it is for, in the form in which addresses of users are stored. Not a reference: an invitation does not
    -- say whether the address belongs to a user.
    email TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    -- SHA-256 of the token. The token itself is stored nowhere.
    token_hash TEXT NOT NULL UNIQUE,
    -- Empty once that user is gone: the invitation stays.
    created_by_user_id UUID REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- A second one for the same address replaces the first.
    UNIQUE (organization_id, email)
);
CREATE INDEX organization_invitations_by_organization ON organization_invitations
    (organization_id, created_at, id);
CREATE INDEX organization_invitations_by_email ON organization_invitations (email, created_at, id);
CREATE INDEX organization_invitations_by_creator ON organization_invitations (created_by_user_id);
CREATE INDEX organization_invitations_by_expiry ON organization_invitations (expires_at);
