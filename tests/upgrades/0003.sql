-- Rows as a server that knew migration 0003 wrote them; the same text for both databases.

-- A synchronisation that was interrupted after its first 500 users.
INSERT INTO sync_positions (name, phase, position, report, updated_at)
VALUES ('clerk', 'users', 500,
    '{"users":{"seen":500,"created":1,"changed":0,"deletedHere":0,"unreadable":0},"organizations":{"seen":0,"created":0,"changed":0,"deletedHere":0,"unreadable":0},"memberships":{"seen":0,"created":0,"changed":0,"deletedHere":0,"unreadable":0},"differences":[{"kind":"user","id":"user_new","difference":"created"}],"gone":[]}', '2026-11-01T11:00:00+00:00');
