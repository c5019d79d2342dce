-- Rows as a server that knew migration 0001 wrote them; the same text for both databases.
-- What each of them must still mean is asked in tests/it/store/upgrades.rs.

-- Everything said: by Clerk, by herself, by whoever promoted her.
INSERT INTO users (id, clerk_user_id, email, email_verified, email_as_of, name, preferred_name, pronouns,
    timezone, notes, context, is_super_admin, banned, clerk_updated_at, profile_next_try, profile_tried_at,
    profile_tries, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-00000000ada1', 'user_ada', 'ada@example.com', TRUE,
    '2026-10-01T09:00:00.000001+00:00', 'Ada Lovelace', 'Ada', 'she/her', 'Europe/London', 'Prefers mornings',
    'Line one
line two', TRUE, FALSE, '2026-10-01T09:00:00.125+00:00', '2026-10-01T10:00:00+00:00',
    '2026-10-01T09:30:00+00:00', 3, '2026-10-01T08:59:59.999999+00:00', '2026-10-01T09:00:00+00:00');
-- Nothing said but who she is.
INSERT INTO users (id, clerk_user_id, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-00000000beef', 'user_grace', '2026-10-02T09:00:00+00:00',
    '2026-10-02T09:00:00+00:00');
INSERT INTO users (id, clerk_user_id, email, banned, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-00000000a1a0', 'user_banned', 'banned@example.com', TRUE,
    '2026-10-03T09:00:00+00:00', '2026-10-03T09:00:00+00:00');
-- A deletion that was interrupted between its mark and its end.
INSERT INTO users (id, clerk_user_id, email, name, deletion_attempt, deletion_marked_at, deletion_from_clerk,
    deletion_sessions, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-0000000de1e7', 'user_leaving', 'leaving@example.com', 'Leaving Soon',
    '01930000-0000-7000-8000-00000000a77e', '2026-10-31T09:00:00+00:00', TRUE, 'sess_one sess_two',
    '2026-10-04T09:00:00+00:00', '2026-10-04T09:00:00+00:00');

-- The organization that came with her, and one that Clerk's events made.
INSERT INTO organizations (id, personal_user_id, name, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-0000000000a0', '01930000-0000-7000-8000-00000000ada1', 'Personal',
    '2026-10-01T09:00:00+00:00', '2026-10-01T09:00:00+00:00');
INSERT INTO organizations (id, clerk_organization_id, name, clerk_created_by, clerk_updated_at, created_at,
    updated_at)
VALUES ('01930000-0000-7000-8000-0000000000ac', 'org_acme', 'Acme', 'user_ada', '2026-10-05T09:00:00.5+00:00',
    '2026-10-05T09:00:00+00:00', '2026-10-05T09:00:00+00:00');
UPDATE users SET active_organization_id = '01930000-0000-7000-8000-0000000000ac' WHERE clerk_user_id = 'user_ada';

INSERT INTO organization_members (id, organization_id, user_id, role, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-000000000001', '01930000-0000-7000-8000-0000000000a0',
    '01930000-0000-7000-8000-00000000ada1', 'owner', '2026-10-01T09:00:00+00:00', '2026-10-01T09:00:00+00:00');
INSERT INTO organization_members (id, organization_id, user_id, role, clerk_membership_id, clerk_updated_at,
    created_at, updated_at)
VALUES ('01930000-0000-7000-8000-000000000002', '01930000-0000-7000-8000-0000000000ac',
    '01930000-0000-7000-8000-00000000ada1', 'admin', 'orgmem_ada', '2026-10-05T09:00:01+00:00',
    '2026-10-05T09:00:01+00:00', '2026-10-05T09:00:01+00:00');
INSERT INTO organization_members (id, organization_id, user_id, role, clerk_membership_id, clerk_updated_at,
    created_at, updated_at)
VALUES ('01930000-0000-7000-8000-000000000003', '01930000-0000-7000-8000-0000000000ac',
    '01930000-0000-7000-8000-00000000beef', 'member', 'orgmem_grace', '2026-10-05T09:00:02+00:00',
    '2026-10-05T09:00:02+00:00', '2026-10-05T09:00:02+00:00');

-- Gone at Clerk; left here but kept there; and what events took away.
INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at)
VALUES ('user', 'user_gone', TRUE, '2026-10-06T09:00:00+00:00');
INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at)
VALUES ('user', 'user_left', FALSE, '2026-10-06T09:00:00+00:00');
INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at)
VALUES ('organization', 'org_gone', TRUE, '2026-10-06T09:00:00+00:00');
INSERT INTO tombstones (kind, clerk_id, permanent, deleted_at)
VALUES ('membership', 'orgmem_gone', TRUE, '2026-10-06T09:00:00+00:00');

INSERT INTO webhook_messages (id, received_at) VALUES ('msg_applied', '2026-10-31T09:00:00+00:00');

-- Signed out; and a session whose deletion was asked for, for ever.
INSERT INTO revoked_sessions (session_id, revoked_at, expires_at)
VALUES ('sess_signed_out', '2026-11-01T09:00:00+00:00', '2026-11-02T09:00:00+00:00');
INSERT INTO revoked_sessions (session_id, revoked_at, expires_at)
VALUES ('sess_for_ever', '2026-10-06T09:00:00+00:00', NULL);
