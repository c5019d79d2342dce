-- An interrupted `sync` begins again with the version that brings this back.
DROP TABLE sync_positions;
DELETE FROM _sqlx_migrations WHERE version = 3;
