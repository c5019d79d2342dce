-- Open invitations are lost with their table; who accepted one stays a member.
DROP TABLE organization_invitations;
DELETE FROM _sqlx_migrations WHERE version = 2;
