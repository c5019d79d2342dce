-- Rows as a server that knew migration 0002 wrote them; the same text for both databases.

-- A choir, administered here, whose owner has invited Ada.
INSERT INTO organizations (id, name, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-00000000c401', 'Choir', '2026-10-20T09:00:00+00:00', '2026-10-20T09:00:00+00:00');
INSERT INTO organization_members (id, organization_id, user_id, role, created_at, updated_at)
VALUES ('01930000-0000-7000-8000-000000000004', '01930000-0000-7000-8000-00000000c401',
    '01930000-0000-7000-8000-00000000beef', 'owner', '2026-10-20T09:00:00+00:00', '2026-10-20T09:00:00+00:00');
INSERT INTO organization_invitations (id, organization_id, email, role, token_hash, created_by_user_id, created_at,
    expires_at)
VALUES ('01930000-0000-7000-8000-0000000001a1', '01930000-0000-7000-8000-00000000c401', 'ada@example.com', 'admin',
    'RrNc-2G2FeEUHcFV4CeRb0bJiAx9pevjYXeP6I_gFSY', '01930000-0000-7000-8000-00000000beef',
    '2026-10-30T09:00:00+00:00', '2026-11-06T09:00:00+00:00');
-- One that has expired, made by somebody who is gone since.
INSERT INTO organization_invitations (id, organization_id, email, role, token_hash, created_at, expires_at)
VALUES ('01930000-0000-7000-8000-0000000001a2', '01930000-0000-7000-8000-00000000c401', 'late@example.com', 'member',
    'CJABo1Z5oz7z2wyjUNubmi8BNuDjJ1d7BLO5gSdHCWE',
    '2026-10-20T09:00:00+00:00', '2026-10-27T09:00:00+00:00');
