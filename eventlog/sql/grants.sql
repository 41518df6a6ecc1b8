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
-- Callers are answered as another role, which reads and changes nothing, and is shown the rows of one tenant alone: see
-- eventlog/row_security.py. Kronika's own processes work for all tenants.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kronika_reader') THEN
        CREATE ROLE kronika_reader NOLOGIN NOBYPASSRLS;
    END IF;
    IF NOT pg_has_role(current_user, 'kronika_reader', 'MEMBER') THEN
        EXECUTE format('GRANT kronika_reader TO %I', current_user);
    END IF;
    IF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'kronika_app') THEN
        ALTER ROLE kronika_app BYPASSRLS;
    END IF;
END $$;
GRANT USAGE ON SCHEMA log TO kronika_reader;
GRANT SELECT ON log.events, log.epochs, log.settings, log.accesses TO kronika_reader;
REVOKE ALL ON FUNCTION log.head, log.recorded_at, log.position_at, log.reflected, log.accesses_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.head, log.recorded_at, log.position_at, log.reflected TO kronika_app, kronika_reader;
GRANT EXECUTE ON FUNCTION log.accesses_of TO kronika_reader;
DO $$ DECLARE guarded regclass; BEGIN
    FOREACH guarded IN ARRAY ARRAY['log.events', 'log.accesses']::regclass[] LOOP
        IF NOT (SELECT relforcerowsecurity FROM pg_class WHERE oid = guarded) THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
            EXECUTE format('CREATE POLICY of_the_tenant ON %s AS RESTRICTIVE TO kronika_reader'
                           ' USING (tenant = current_setting(''kronika.tenant'', true))', guarded);
            EXECUTE format('CREATE POLICY as_granted ON %s USING (true)', guarded);
        END IF;
    END LOOP;
END $$;
-- These compare, and tell of what they compare nothing but the outcome: no error of theirs depends on a value. Said so,
-- lists are still found by sums, tags and shares along an index under row security. Only a superuser can say so; without
-- it such lists are slower (half a second among a million rows), and no less right.
DO $$ DECLARE harmless regprocedure; BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOREACH harmless IN ARRAY ARRAY[
            'numeric_eq(numeric,numeric)', 'numeric_ne(numeric,numeric)', 'numeric_lt(numeric,numeric)',
            'numeric_le(numeric,numeric)', 'numeric_gt(numeric,numeric)', 'numeric_ge(numeric,numeric)',
            'jsonb_contains(jsonb,jsonb)', 'jsonb_exists(jsonb,text)', 'jsonb_exists_any(jsonb,text[])',
            'jsonb_ne(jsonb,jsonb)']::regprocedure[]
        LOOP
            IF NOT (SELECT proleakproof FROM pg_proc WHERE oid = harmless) THEN
                EXECUTE format('ALTER FUNCTION %s LEAKPROOF', harmless);
            END IF;
        END LOOP;
    END IF;
END $$;
