"""What is found by operators that are not leakproof: looked up by functions that pass row security, of the tenant and
the customers that the transaction has named."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from domain.policy import NONE
from eventlog.envelope import Caller

FEW, MANY = 100, 1_000
"""Who is shown the customers of no more owners and teams has these read, all of them, where more has been found."""

NAME_SCOPE = """
SELECT set_config('kronika.tenant', %s, true), set_config('kronika.everything', %s, true),
       set_config('kronika.owners', %s::text[]::text, true), set_config('kronika.teams', %s::text[]::text, true),
       set_config('kronika.parties', %s::text[]::text, true)
"""
"""Names whose customers are shown for the length of a transaction; where nobody's are named, none are found."""


async def name_scope(connection: AsyncConnection[Any], caller: Caller) -> None:
    """Have what follows in this transaction see the rows of the caller's tenant, and the functions below find the
    customers that it is shown."""
    sight = caller.sight("customer")
    extent = sight.extents.get("read", NONE)
    parties = sight.parties if sight.may("read") else ()
    named = ["yes" if extent.everything else "no", *map(sorted, (extent.owners, extent.teams, parties))]
    await connection.execute(NAME_SCOPE, [caller.tenant, *named], prepare=True)


NAMED = """
DECLARE
    of_tenant  text    := current_setting('kronika.tenant', true);
    everything boolean := current_setting('kronika.everything', true) = 'yes';
    owners     text[]  := nullif(current_setting('kronika.owners', true), '');
    teams      text[]  := nullif(current_setting('kronika.teams', true), '');
    parties    text[]  := nullif(current_setting('kronika.parties', true), '');
"""
MINE = """c.tenant = of_tenant AND (c.owner = ANY (owners) OR c.team = ANY (teams)
                                          OR c.shared_with <> '{}' AND c.shared_with ?| parties)"""
DEFINER = "STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off"

LOOKUPS = f"""
-- Operators that PostgreSQL does not hold to be leakproof find nothing by an index under row security. So what is found
-- by them alone is looked up here, by the role that passes it: of the tenant and of the customers that the transaction
-- has named. The tenant is part of every hash; `|| ''` keeps the planner from going through all that is the tenant's
-- instead.
CREATE OR REPLACE FUNCTION read.customers_matching(parts integer[], patterns text[])
RETURNS TABLE (tenant text, id uuid, name text, searchable text) LANGUAGE plpgsql {DEFINER} AS $$
#variable_conflict use_column
{NAMED}
BEGIN
    IF everything THEN
        RETURN QUERY
            SELECT s.tenant, s.id, s.name, s.searchable FROM read.customer_search s
             WHERE s.tenant || '' = of_tenant AND s.grams @> parts AND s.searchable LIKE ALL (patterns);
        RETURN;
    END IF;
    -- Where few owners' customers are shown, an index has these, and to read all of them there is quicker than to ask
    -- for each of the many that may have been found.
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT s.tenant, s.id, s.name, s.searchable FROM read.customer_search s
             WHERE s.tenant || '' = of_tenant AND s.grams @> parts AND s.searchable LIKE ALL (patterns)
        ), way AS MATERIALIZED (
            SELECT cardinality(owners) + cardinality(teams) <= {FEW} AND count(*) > {MANY} AS by_owner FROM found
        )
        SELECT f.* FROM found f
         WHERE NOT (SELECT w.by_owner FROM way w) AND EXISTS (SELECT FROM read.customers c WHERE c.id = f.id AND {MINE})
        UNION ALL
        SELECT f.* FROM found f
         WHERE (SELECT w.by_owner FROM way w) AND f.id IN (
            SELECT c.id FROM read.customers c WHERE c.tenant = of_tenant AND c.owner = ANY (owners)
               AND c.merged_into IS NULL AND c.retracted IS NULL
            UNION ALL
            SELECT c.id FROM read.customers c WHERE c.tenant = of_tenant AND c.team = ANY (teams)
               AND c.merged_into IS NULL AND c.retracted IS NULL
            UNION ALL
            SELECT c.id FROM read.customers c WHERE c.tenant = of_tenant AND c.shared_with <> '{{}}'
               AND c.shared_with ?| parties);
END
$$;

-- The same of what customers were called; who is shown it now decides.
CREATE OR REPLACE FUNCTION read.customers_that_matched(parts integer[], patterns text[])
RETURNS TABLE (tenant text, id uuid, name text, searchable text, valid_from timestamptz, valid_to timestamptz,
               known_from bigint, known_to bigint, believed_to bigint) LANGUAGE plpgsql {DEFINER} AS $$
#variable_conflict use_column
{NAMED}
BEGIN
    RETURN QUERY
        WITH found AS MATERIALIZED (
            SELECT s.tenant, s.id, s.name, s.searchable, s.valid_from, s.valid_to, s.known_from, s.known_to,
                   s.believed_to
              FROM read.customer_search_past s
             WHERE s.tenant || '' = of_tenant AND s.grams @> parts AND s.searchable LIKE ALL (patterns)
        )
        SELECT f.* FROM found f
         WHERE everything OR EXISTS (SELECT FROM read.customers c WHERE c.id = f.id AND {MINE});
END
$$;

-- Those that share a key by which duplicates are found, so many at the most.
CREATE OR REPLACE FUNCTION read.customers_with_key(sought bigint, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql {DEFINER} AS $$
{NAMED}
BEGIN
    RETURN QUERY
        SELECT k.id FROM read.duplicate_keys k
         WHERE k.tenant || '' = of_tenant AND k.keys @> ARRAY[sought]
           AND (everything OR EXISTS (SELECT FROM read.customers c WHERE c.id = k.id AND {MINE}))
         LIMIT most;
END
$$;
REVOKE ALL ON FUNCTION read.customers_matching, read.customers_that_matched, read.customers_with_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.customers_matching, read.customers_that_matched, read.customers_with_key
   TO kronika_reader;
"""  # noqa: S608  # numbers and words of our own
