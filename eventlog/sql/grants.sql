-- Append-only by permission: the role that every process of Kronika acts as may add to the log and read it, no more;
-- and have forgotten who was shown what so long ago that the owner wants it gone.
-- Claims and parents are the present state of a rule, not history, and so may change.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kronika_app') THEN
        CREATE ROLE kronika_app NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'kronika_app', 'MEMBER') THEN
        EXECUTE format('GRANT kronika_app TO %I', current_user);
    END IF;
    -- What analysts' own SQL runs as: whatever gets past those who look through it can read the lake's catalog, no more.
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kronika_lake') THEN
        CREATE ROLE kronika_lake NOLOGIN;
    END IF;
    IF NOT pg_has_role('kronika_app', 'kronika_lake', 'MEMBER') THEN
        GRANT kronika_lake TO kronika_app;
    END IF;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO kronika_app', current_database());
END $$;
GRANT USAGE ON SCHEMA log TO kronika_app;
REVOKE ALL ON ALL TABLES IN SCHEMA log FROM kronika_app;
GRANT SELECT ON ALL TABLES IN SCHEMA log TO kronika_app;
GRANT INSERT ON log.events, log.commands, log.claims, log.parents, log.accesses TO kronika_app;
GRANT DELETE ON log.claims TO kronika_app;
GRANT UPDATE, DELETE ON log.parents TO kronika_app;
GRANT EXECUTE ON FUNCTION log.forget_accesses TO kronika_app;
