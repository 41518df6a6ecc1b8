-- The latest accesses at which something was shown or asked about, between two ids. Row security would keep a caller's
-- connection from the index, so this passes it, and names the tenant itself.
CREATE OR REPLACE FUNCTION log.accesses_of(object uuid, above uuid, below uuid, most integer) RETURNS SETOF log.accesses
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH found AS MATERIALIZED (
        SELECT a.id FROM log.accesses a
         WHERE a.tenant = current_setting('kronika.tenant', true) AND a.objects @> ARRAY[object]
    ), latest AS (
        SELECT f.id FROM found f WHERE f.id > above AND f.id < below ORDER BY f.id DESC LIMIT most
    )
    SELECT a.* FROM latest JOIN log.accesses a USING (id) WHERE a.tenant = current_setting('kronika.tenant', true)
$$;

-- The only way in which any of them goes: those that were kept for as long as the owner has said, each tenant's first.
CREATE OR REPLACE FUNCTION log.forget_accesses(most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE tenants AS (
        (SELECT a.tenant FROM log.accesses a ORDER BY a.tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT a.tenant FROM log.accesses a WHERE a.tenant > t.tenant ORDER BY a.tenant LIMIT 1)
          FROM tenants t WHERE t.tenant IS NOT NULL
    ), kept AS (
        SELECT now() - access_days * interval '1 day' AS since FROM log.settings
    ), before AS (
        SELECT since, rpad(lpad(to_hex(greatest(extract(epoch FROM since) * 1000, 0)::bigint), 12, '0'), 32, '0')::uuid AS id
          FROM kept
    ), old AS (
        SELECT o.tenant, o.id FROM before b CROSS JOIN tenants t CROSS JOIN LATERAL (
            SELECT a.tenant, a.id FROM log.accesses a WHERE a.tenant = t.tenant AND a.id < b.id AND a.at < b.since
             ORDER BY a.id LIMIT most) o
         LIMIT most
    ), gone AS (
        DELETE FROM log.accesses a USING old o WHERE a.tenant = o.tenant AND a.id = o.id RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
