SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA access;
ALTER SCHEMA access OWNER TO kronika_app;
CREATE SCHEMA fanout;
ALTER SCHEMA fanout OWNER TO kronika_app;
CREATE SCHEMA lake;
ALTER SCHEMA lake OWNER TO kronika_app;
CREATE SCHEMA log;
ALTER SCHEMA log OWNER TO kronika;
CREATE SCHEMA read;
ALTER SCHEMA read OWNER TO kronika_app;
CREATE FUNCTION log.append(batch json) RETURNS TABLE(item integer, outcome text, detail text, stream_type text, stream_id uuid, version integer, events integer, last_position bigint, recorded_at timestamp with time zone)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    moment timestamptz;
BEGIN
    SELECT e.position, greatest(e.recorded_at, clock_timestamp()) INTO head, moment
      FROM log.events e ORDER BY e.position DESC LIMIT 1;
    IF NOT FOUND THEN
        head := 0;
        moment := clock_timestamp();
    END IF;
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch -> 'commands') AS c(
            item integer, tenant text, command_id text, body text, stream_type text, stream_id uuid, version integer,
            events integer, actor text, on_behalf_of text, reason text,
            correlation_id uuid, causation_id uuid, trace text)
    ), happened AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch -> 'events') AS e(
            item integer, ordinal integer, stream_type text, stream_id uuid, version integer, partition smallint,
            subject_id uuid, event_id uuid, type text, schema_version smallint, occurred_at timestamptz, data text, personal text)
    ), claim AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch -> 'claims') AS c(item integer, kind text, token text, stream_id uuid)
    ), above AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch -> 'parents') AS p(item integer, child_id uuid, parent_id uuid)
    ), known AS MATERIALIZED (
        SELECT a.item, c.*, c.body = decode(a.body, 'hex') AS same
          FROM asked a JOIN log.commands c ON c.tenant = a.tenant AND c.command_id = a.command_id
    ), stale AS MATERIALIZED (
        SELECT DISTINCT ON (s.item) s.item, s.stream_id, s.current
          FROM (SELECT f.item, f.stream_id, f.version - 1 AS expected,
                       coalesce((SELECT e.version FROM log.events e
                                  WHERE e.tenant = a.tenant AND e.stream_id = f.stream_id
                                  ORDER BY e.version DESC LIMIT 1), 0) AS current
                  FROM (SELECT h.item, h.stream_id, min(h.version) AS version
                          FROM happened h GROUP BY h.item, h.stream_id) f
                  JOIN asked a ON a.item = f.item) s
         WHERE s.current <> s.expected
    ), taken AS MATERIALIZED (
        SELECT DISTINCT ON (q.item) q.item, q.kind
          FROM claim q JOIN asked a ON a.item = q.item
          JOIN log.claims c ON c.tenant = a.tenant AND c.kind = q.kind AND c.token = decode(q.token, 'hex')
         WHERE c.stream_id <> q.stream_id
    ), circle AS MATERIALIZED (
        SELECT p.item FROM above p JOIN asked a ON a.item = p.item
         WHERE p.parent_id IS NOT NULL AND p.child_id IN (
               WITH RECURSIVE up(id) AS (
                   SELECT p.parent_id
                   UNION
                   SELECT l.parent_id FROM up JOIN log.parents l ON l.tenant = a.tenant AND l.child_id = up.id)
               SELECT up.id FROM up)
    ), passed AS MATERIALIZED (
        SELECT a.*, head + sum(a.events) OVER (ORDER BY a.item) AS last_position
          FROM asked a
         WHERE a.item NOT IN (SELECT k.item FROM known k) AND a.item NOT IN (SELECT s.item FROM stale s)
           AND a.item NOT IN (SELECT t.item FROM taken t) AND a.item NOT IN (SELECT c.item FROM circle c)
    ), new_events AS (
        INSERT INTO log.events (position, tenant, stream_type, stream_id, version, partition, subject_id, event_id, type,
                                schema_version, recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id,
                                causation_id, command_id, trace, data, personal)
        SELECT p.last_position - p.events + h.ordinal, p.tenant, h.stream_type, h.stream_id, h.version, h.partition,
               h.subject_id, h.event_id, h.type, h.schema_version, moment, h.occurred_at, p.actor, p.on_behalf_of,
               p.reason, p.correlation_id, p.causation_id, p.command_id, p.trace, h.data::json, h.personal::json
          FROM happened h JOIN passed p ON p.item = h.item
    ), new_commands AS (
        INSERT INTO log.commands (tenant, command_id, body, stream_type, stream_id, version, position, events, recorded_at)
        SELECT p.tenant, p.command_id, decode(p.body, 'hex'), p.stream_type, p.stream_id, p.version, p.last_position,
               p.events, moment
          FROM passed p
    ), released AS (
        DELETE FROM log.claims c
         USING json_to_recordset(batch -> 'releases') AS r(item integer, kind text, token text, stream_id uuid), passed p
         WHERE r.item = p.item AND c.tenant = p.tenant AND c.kind = r.kind AND c.token = decode(r.token, 'hex')
           AND c.stream_id = r.stream_id
    ), new_claims AS (
        INSERT INTO log.claims (tenant, kind, token, stream_id)
        SELECT p.tenant, q.kind, decode(q.token, 'hex'), q.stream_id FROM claim q JOIN passed p ON p.item = q.item
        ON CONFLICT DO NOTHING
    ), orphaned AS (
        DELETE FROM log.parents l USING above u, passed p
         WHERE u.item = p.item AND u.parent_id IS NULL AND l.tenant = p.tenant AND l.child_id = u.child_id
    ), new_parents AS (
        INSERT INTO log.parents AS l (tenant, child_id, parent_id)
        SELECT p.tenant, u.child_id, u.parent_id FROM above u JOIN passed p ON p.item = u.item
         WHERE u.parent_id IS NOT NULL
        ON CONFLICT (tenant, child_id) DO UPDATE SET parent_id = excluded.parent_id
    )
    SELECT p.item, 'recorded'::text, NULL::text, p.stream_type, p.stream_id, p.version, p.events, p.last_position::bigint, moment
      FROM passed p
    UNION ALL
    SELECT k.item, CASE WHEN k.same THEN 'repeated' ELSE 'reused' END, NULL, k.stream_type, k.stream_id, k.version,
           k.events, k.position, k.recorded_at
      FROM known k
    UNION ALL
    SELECT s.item, 'conflict', NULL, NULL, s.stream_id, s.current, NULL, NULL, NULL
      FROM stale s WHERE s.item NOT IN (SELECT k.item FROM known k)
    UNION ALL
    SELECT t.item, 'claimed', t.kind, NULL, NULL, NULL, NULL, NULL, NULL
      FROM taken t WHERE t.item NOT IN (SELECT k.item FROM known k) AND t.item NOT IN (SELECT s.item FROM stale s)
    UNION ALL
    SELECT c.item, 'circle', NULL, NULL, NULL, NULL, NULL, NULL, NULL
      FROM circle c WHERE c.item NOT IN (SELECT k.item FROM known k) AND c.item NOT IN (SELECT s.item FROM stale s)
                      AND c.item NOT IN (SELECT t.item FROM taken t);
END $$;
ALTER FUNCTION log.append(batch json) OWNER TO kronika;
CREATE FUNCTION read.reflected(of_slot text) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$
    SELECT coalesce(min(coalesce(
               (SELECT e.position - 1 FROM log.events e
                 WHERE e.partition = c.partition AND e.position > c.position ORDER BY e.position LIMIT 1),
               (SELECT e.position FROM log.events e ORDER BY e.position DESC LIMIT 1), 0)), 0)
      FROM read.checkpoints c WHERE c.slot = of_slot
$$;
ALTER FUNCTION read.reflected(of_slot text) OWNER TO kronika_app;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE access.keys (
    id text NOT NULL,
    tenant text NOT NULL,
    actor text NOT NULL,
    scopes text[] NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    revoked_at timestamp with time zone
);
ALTER TABLE access.keys OWNER TO kronika_app;
CREATE TABLE fanout.relay (
    only_row boolean DEFAULT true NOT NULL,
    log_name text DEFAULT substr(md5((gen_random_uuid())::text), 1, 8) NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    cluster text,
    "position" bigint DEFAULT 0 NOT NULL,
    CONSTRAINT relay_only_row_check CHECK (only_row)
);
ALTER TABLE fanout.relay OWNER TO kronika_app;
CREATE TABLE lake.ducklake_column (
    column_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    table_id bigint,
    column_order bigint,
    column_name character varying,
    column_type character varying,
    initial_default character varying,
    default_value character varying,
    nulls_allowed boolean,
    parent_column bigint,
    default_value_type character varying,
    default_value_dialect character varying
);
ALTER TABLE lake.ducklake_column OWNER TO kronika_app;
CREATE TABLE lake.ducklake_column_mapping (
    mapping_id bigint,
    table_id bigint,
    type character varying
);
ALTER TABLE lake.ducklake_column_mapping OWNER TO kronika_app;
CREATE TABLE lake.ducklake_column_tag (
    table_id bigint,
    column_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    key character varying,
    value character varying
);
ALTER TABLE lake.ducklake_column_tag OWNER TO kronika_app;
CREATE TABLE lake.ducklake_data_file (
    data_file_id bigint NOT NULL,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    file_order bigint,
    path character varying,
    path_is_relative boolean,
    file_format character varying,
    record_count bigint,
    file_size_bytes bigint,
    footer_size bigint,
    row_id_start bigint,
    partition_id bigint,
    encryption_key character varying,
    mapping_id bigint,
    partial_max bigint
);
ALTER TABLE lake.ducklake_data_file OWNER TO kronika_app;
CREATE TABLE lake.ducklake_delete_file (
    delete_file_id bigint NOT NULL,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    data_file_id bigint,
    path character varying,
    path_is_relative boolean,
    format character varying,
    delete_count bigint,
    file_size_bytes bigint,
    footer_size bigint,
    encryption_key character varying,
    partial_max bigint
);
ALTER TABLE lake.ducklake_delete_file OWNER TO kronika_app;
CREATE TABLE lake.ducklake_file_column_stats (
    data_file_id bigint,
    table_id bigint,
    column_id bigint,
    column_size_bytes bigint,
    value_count bigint,
    null_count bigint,
    min_value character varying,
    max_value character varying,
    contains_nan boolean,
    extra_stats character varying
);
ALTER TABLE lake.ducklake_file_column_stats OWNER TO kronika_app;
CREATE TABLE lake.ducklake_file_partition_value (
    data_file_id bigint,
    table_id bigint,
    partition_key_index bigint,
    partition_value character varying
);
ALTER TABLE lake.ducklake_file_partition_value OWNER TO kronika_app;
CREATE TABLE lake.ducklake_file_variant_stats (
    data_file_id bigint,
    table_id bigint,
    column_id bigint,
    variant_path character varying,
    shredded_type character varying,
    column_size_bytes bigint,
    value_count bigint,
    null_count bigint,
    min_value character varying,
    max_value character varying,
    contains_nan boolean,
    extra_stats character varying
);
ALTER TABLE lake.ducklake_file_variant_stats OWNER TO kronika_app;
CREATE TABLE lake.ducklake_files_scheduled_for_deletion (
    data_file_id bigint,
    path character varying,
    path_is_relative boolean,
    schedule_start timestamp with time zone
);
ALTER TABLE lake.ducklake_files_scheduled_for_deletion OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_1_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    what bytea,
    cycle integer,
    customer_id uuid,
    order_id uuid,
    kind bytea,
    priority bytea,
    channel bytea,
    product bytea,
    category bytea,
    source bytea,
    owner bytea,
    team bytea,
    level integer,
    author bytea,
    public boolean,
    answered boolean,
    outcome bytea,
    score integer,
    into_id uuid
);
ALTER TABLE lake.ducklake_inlined_data_1_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_2_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    what bytea,
    customer_id uuid,
    opportunity_id uuid,
    currency bytea,
    owner bytea,
    team bytea,
    source bytea,
    line integer,
    sku bytea,
    quantity numeric(18,6),
    unit_price numeric(18,4),
    discount numeric(7,6),
    tax_rate numeric(7,6),
    net numeric(18,4),
    tax numeric(18,4)
);
ALTER TABLE lake.ducklake_inlined_data_2_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_3_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    what bytea,
    customer_id uuid,
    pipeline_id uuid,
    pipeline_version integer,
    stage bytea,
    stage_rank integer,
    stage_type bytea,
    from_stage bytea,
    from_stage_rank integer,
    probability numeric(7,6),
    forecast_category bytea,
    amount numeric(18,4),
    currency bytea,
    closed_on character varying,
    reason bytea,
    owner bytea,
    team bytea,
    source bytea
);
ALTER TABLE lake.ducklake_inlined_data_3_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_4_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    what bytea,
    pipeline_version integer,
    rank integer,
    stage bytea,
    stage_type bytea,
    probability numeric(7,6),
    forecast_category bytea
);
ALTER TABLE lake.ducklake_inlined_data_4_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_5_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    partition smallint,
    stream_type bytea,
    type bytea,
    schema_version smallint,
    subject_id uuid,
    event_id uuid,
    actor bytea,
    on_behalf_of bytea,
    correlation_id uuid,
    causation_id uuid
);
ALTER TABLE lake.ducklake_inlined_data_5_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_6_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    fact bytea,
    version integer
);
ALTER TABLE lake.ducklake_inlined_data_6_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_7_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    tenant bytea,
    "position" bigint,
    stream_id uuid,
    version integer,
    occurred_at character varying,
    recorded_at character varying,
    what bytea,
    method bytea,
    amount numeric(18,4),
    currency bytea
);
ALTER TABLE lake.ducklake_inlined_data_7_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_8_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    fact bytea,
    "position" bigint,
    tenant bytea,
    partition smallint,
    event_id uuid,
    type bytea,
    error bytea
);
ALTER TABLE lake.ducklake_inlined_data_8_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_9_1 (
    row_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    partition smallint,
    "position" bigint,
    owner bigint
);
ALTER TABLE lake.ducklake_inlined_data_9_1 OWNER TO kronika_app;
CREATE TABLE lake.ducklake_inlined_data_tables (
    table_id bigint,
    table_name character varying,
    schema_version bigint
);
ALTER TABLE lake.ducklake_inlined_data_tables OWNER TO kronika_app;
CREATE TABLE lake.ducklake_macro (
    schema_id bigint,
    macro_id bigint,
    macro_name character varying,
    begin_snapshot bigint,
    end_snapshot bigint
);
ALTER TABLE lake.ducklake_macro OWNER TO kronika_app;
CREATE TABLE lake.ducklake_macro_impl (
    macro_id bigint,
    impl_id bigint,
    dialect character varying,
    sql character varying,
    type character varying
);
ALTER TABLE lake.ducklake_macro_impl OWNER TO kronika_app;
CREATE TABLE lake.ducklake_macro_parameters (
    macro_id bigint,
    impl_id bigint,
    column_id bigint,
    parameter_name character varying,
    parameter_type character varying,
    default_value character varying,
    default_value_type character varying
);
ALTER TABLE lake.ducklake_macro_parameters OWNER TO kronika_app;
CREATE TABLE lake.ducklake_metadata (
    key character varying NOT NULL,
    value character varying NOT NULL,
    scope character varying,
    scope_id bigint
);
ALTER TABLE lake.ducklake_metadata OWNER TO kronika_app;
CREATE TABLE lake.ducklake_name_mapping (
    mapping_id bigint,
    column_id bigint,
    source_name character varying,
    target_field_id bigint,
    parent_column bigint,
    is_partition boolean
);
ALTER TABLE lake.ducklake_name_mapping OWNER TO kronika_app;
CREATE TABLE lake.ducklake_partition_column (
    partition_id bigint,
    table_id bigint,
    partition_key_index bigint,
    column_id bigint,
    transform character varying
);
ALTER TABLE lake.ducklake_partition_column OWNER TO kronika_app;
CREATE TABLE lake.ducklake_partition_info (
    partition_id bigint,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint
);
ALTER TABLE lake.ducklake_partition_info OWNER TO kronika_app;
CREATE TABLE lake.ducklake_schema (
    schema_id bigint NOT NULL,
    schema_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_name character varying,
    path character varying,
    path_is_relative boolean
);
ALTER TABLE lake.ducklake_schema OWNER TO kronika_app;
CREATE TABLE lake.ducklake_schema_versions (
    begin_snapshot bigint,
    schema_version bigint,
    table_id bigint
);
ALTER TABLE lake.ducklake_schema_versions OWNER TO kronika_app;
CREATE TABLE lake.ducklake_snapshot (
    snapshot_id bigint NOT NULL,
    snapshot_time timestamp with time zone,
    schema_version bigint,
    next_catalog_id bigint,
    next_file_id bigint
);
ALTER TABLE lake.ducklake_snapshot OWNER TO kronika_app;
CREATE TABLE lake.ducklake_snapshot_changes (
    snapshot_id bigint NOT NULL,
    changes_made character varying,
    author character varying,
    commit_message character varying,
    commit_extra_info character varying
);
ALTER TABLE lake.ducklake_snapshot_changes OWNER TO kronika_app;
CREATE TABLE lake.ducklake_sort_expression (
    sort_id bigint,
    table_id bigint,
    sort_key_index bigint,
    expression character varying,
    dialect character varying,
    sort_direction character varying,
    null_order character varying
);
ALTER TABLE lake.ducklake_sort_expression OWNER TO kronika_app;
CREATE TABLE lake.ducklake_sort_info (
    sort_id bigint,
    table_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint
);
ALTER TABLE lake.ducklake_sort_info OWNER TO kronika_app;
CREATE TABLE lake.ducklake_table (
    table_id bigint,
    table_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_id bigint,
    table_name character varying,
    path character varying,
    path_is_relative boolean
);
ALTER TABLE lake.ducklake_table OWNER TO kronika_app;
CREATE TABLE lake.ducklake_table_column_stats (
    table_id bigint,
    column_id bigint,
    contains_null boolean,
    contains_nan boolean,
    min_value character varying,
    max_value character varying,
    extra_stats character varying
);
ALTER TABLE lake.ducklake_table_column_stats OWNER TO kronika_app;
CREATE TABLE lake.ducklake_table_stats (
    table_id bigint,
    record_count bigint,
    next_row_id bigint,
    file_size_bytes bigint
);
ALTER TABLE lake.ducklake_table_stats OWNER TO kronika_app;
CREATE TABLE lake.ducklake_tag (
    object_id bigint,
    begin_snapshot bigint,
    end_snapshot bigint,
    key character varying,
    value character varying
);
ALTER TABLE lake.ducklake_tag OWNER TO kronika_app;
CREATE TABLE lake.ducklake_view (
    view_id bigint,
    view_uuid uuid,
    begin_snapshot bigint,
    end_snapshot bigint,
    schema_id bigint,
    view_name character varying,
    dialect character varying,
    sql character varying,
    column_aliases character varying
);
ALTER TABLE lake.ducklake_view OWNER TO kronika_app;
CREATE TABLE log.claims (
    tenant text NOT NULL,
    kind text NOT NULL,
    token bytea NOT NULL,
    stream_id uuid NOT NULL
);
ALTER TABLE log.claims OWNER TO kronika;
CREATE TABLE log.commands (
    tenant text NOT NULL,
    command_id text NOT NULL,
    body bytea NOT NULL,
    stream_type text NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    events integer NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);
ALTER TABLE log.commands OWNER TO kronika;
CREATE TABLE log.epochs (
    epoch integer NOT NULL,
    begins bigint NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE log.epochs OWNER TO kronika;
CREATE TABLE log.events (
    "position" bigint NOT NULL,
    tenant text NOT NULL,
    stream_type text NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    partition smallint NOT NULL,
    subject_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    schema_version smallint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    on_behalf_of text,
    reason text,
    correlation_id uuid NOT NULL,
    causation_id uuid,
    command_id text NOT NULL,
    trace text,
    data json NOT NULL,
    personal json
);
ALTER TABLE log.events OWNER TO kronika;
CREATE TABLE log.parents (
    tenant text NOT NULL,
    child_id uuid NOT NULL,
    parent_id uuid NOT NULL
);
ALTER TABLE log.parents OWNER TO kronika;
CREATE TABLE log.settings (
    only_row boolean DEFAULT true NOT NULL,
    partitions smallint NOT NULL,
    CONSTRAINT settings_only_row_check CHECK (only_row)
);
ALTER TABLE log.settings OWNER TO kronika;
CREATE TABLE public.kronika_migrations (
    step text NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.kronika_migrations OWNER TO kronika;
CREATE TABLE read.checkpoints (
    slot text NOT NULL,
    partition smallint NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    owner bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');
ALTER TABLE read.checkpoints OWNER TO kronika_app;
CREATE TABLE read.customer_search (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    name text,
    emails jsonb,
    phones jsonb,
    searchable text,
    grams integer[]
);
ALTER TABLE read.customer_search OWNER TO kronika_app;
CREATE TABLE read.customers (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    kind text,
    active boolean,
    name text,
    emails jsonb,
    phones jsonb,
    addresses jsonb,
    birthday date,
    sex text,
    tax_id text,
    external_ids jsonb,
    industry text,
    region text,
    size text,
    tier text,
    tags jsonb,
    preferences jsonb,
    consents jsonb,
    owner text,
    team text,
    source text,
    parent_id uuid,
    contacts jsonb,
    primary_contacts jsonb,
    verified_at timestamp with time zone,
    verified_by text,
    interactions integer,
    last_interaction_at timestamp with time zone
);
ALTER TABLE read.customers OWNER TO kronika_app;
CREATE TABLE read.opportunities (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    title text,
    customer_id uuid,
    contact text,
    pipeline_id uuid,
    pipeline_version integer,
    stage text,
    stage_rank integer,
    stage_type text,
    entered_stage_at timestamp with time zone,
    left_stage text,
    probability numeric,
    forecast_category text,
    forecast_override text,
    amount numeric,
    currency text,
    weighted_amount numeric,
    expected_close date,
    closed_on date,
    closed_at timestamp with time zone,
    lost_reason text,
    lost_explanation text,
    lines jsonb,
    competitors jsonb,
    owner text,
    team text,
    source text,
    stage_moves integer,
    backward_moves integer,
    reopenings integer
);
ALTER TABLE read.opportunities OWNER TO kronika_app;
CREATE TABLE read.orders (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    customer_id uuid,
    opportunity_id uuid,
    number text,
    source text,
    owner text,
    team text,
    state text,
    label text,
    currency text,
    lines jsonb,
    progress jsonb,
    quantity numeric,
    sales numeric,
    net numeric,
    tax numeric,
    total numeric,
    wanted_by date,
    shipping_address jsonb,
    shipped numeric,
    delivered numeric,
    delivered_worth numeric,
    return_requested numeric,
    returned numeric,
    returned_worth numeric,
    billed numeric,
    paid numeric,
    refunded numeric,
    shipped_percent numeric,
    delivered_percent numeric,
    billed_percent numeric,
    paid_percent numeric,
    returned_percent numeric,
    due numeric,
    outstanding numeric,
    owed_back numeric,
    confirmed_at timestamp with time zone,
    shipped_at timestamp with time zone,
    delivered_at timestamp with time zone,
    ended_at timestamp with time zone
);
ALTER TABLE read.orders OWNER TO kronika_app;
CREATE TABLE read.parked (
    slot text NOT NULL,
    "position" bigint NOT NULL,
    key text NOT NULL,
    tenant text NOT NULL,
    partition smallint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    error text,
    parked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE read.parked OWNER TO kronika_app;
CREATE TABLE read.pipelines (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    name text,
    pipeline_version integer,
    stages jsonb,
    stages_by_version jsonb
);
ALTER TABLE read.pipelines OWNER TO kronika_app;
CREATE TABLE read.receivables (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    customer_id uuid,
    number text,
    owner text,
    team text,
    state text,
    currency text,
    total numeric,
    delivered_worth numeric,
    returned_worth numeric,
    invoiced numeric,
    credited numeric,
    paid numeric,
    refunded numeric,
    outstanding numeric,
    owed_back numeric,
    due_on date,
    invoices jsonb,
    payments jsonb
);
ALTER TABLE read.receivables OWNER TO kronika_app;
CREATE TABLE read.skipped (
    projection text NOT NULL,
    "position" bigint NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    skipped_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE read.skipped OWNER TO kronika_app;
CREATE TABLE read.stage_durations (
    tenant text NOT NULL,
    opportunity_id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    stage text,
    stage_rank integer,
    stage_type text,
    from_stage text,
    entered_at timestamp with time zone NOT NULL
);
ALTER TABLE read.stage_durations OWNER TO kronika_app;
CREATE TABLE read.tickets (
    tenant text NOT NULL,
    id uuid NOT NULL,
    version integer NOT NULL,
    "position" bigint NOT NULL,
    subject_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_recorded_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    updated_recorded_at timestamp with time zone NOT NULL,
    updated_by text NOT NULL,
    since jsonb NOT NULL,
    number text,
    customer_id uuid,
    kind text,
    priority text,
    channel text,
    subject text,
    text text,
    product text,
    category text,
    order_id uuid,
    owner text,
    team text,
    source text,
    state text,
    level integer,
    cycle integer,
    outcomes jsonb,
    resolution text,
    merged_into uuid,
    absorbed jsonb,
    satisfaction jsonb,
    last_score integer,
    agent_replies integer,
    customer_replies integer,
    internal_notes integer,
    last_reply_at timestamp with time zone,
    last_reply_by text,
    unanswered_since timestamp with time zone,
    paused_since timestamp with time zone,
    ended_at timestamp with time zone,
    first_response_s numeric,
    resolution_s numeric,
    paused_s numeric,
    cycles jsonb,
    queue_place text,
    marks jsonb
);
ALTER TABLE read.tickets OWNER TO kronika_app;
CREATE TABLE read.timeline (
    tenant text NOT NULL,
    "position" bigint NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    subject_id uuid NOT NULL,
    stream_type text NOT NULL,
    stream_id uuid NOT NULL,
    version integer NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    actor text NOT NULL,
    on_behalf_of text,
    reason text,
    fields jsonb
);
ALTER TABLE read.timeline OWNER TO kronika_app;
CREATE TABLE read.versions (
    projection text NOT NULL,
    version integer NOT NULL
);
ALTER TABLE read.versions OWNER TO kronika_app;
INSERT INTO access.keys VALUES ('aa7d246b3087', 'acme', 'tester', '{read,write}', '\x88beecff06c0c254927765b06135b1bb6f56178048c8ca7b40f1630212f547ea', '2026-11-22 12:17:47.058413+00', NULL);
INSERT INTO fanout.relay VALUES (true, 'bcfde6a6', 1, 1, 'Jj4dYp3xSV6vlYiJCNnjlQ', 18);
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 1, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 1, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 1, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 1, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 1, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 1, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 1, 7, 'what', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 1, 8, 'cycle', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 1, 9, 'customer_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 1, 10, 'order_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (11, 1, NULL, 1, 11, 'kind', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (12, 1, NULL, 1, 12, 'priority', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (13, 1, NULL, 1, 13, 'channel', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (14, 1, NULL, 1, 14, 'product', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (15, 1, NULL, 1, 15, 'category', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (16, 1, NULL, 1, 16, 'source', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (17, 1, NULL, 1, 17, 'owner', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (18, 1, NULL, 1, 18, 'team', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (19, 1, NULL, 1, 19, 'level', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (20, 1, NULL, 1, 20, 'author', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (21, 1, NULL, 1, 21, 'public', 'boolean', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (22, 1, NULL, 1, 22, 'answered', 'boolean', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (23, 1, NULL, 1, 23, 'outcome', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (24, 1, NULL, 1, 24, 'score', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (25, 1, NULL, 1, 25, 'into_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 2, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 2, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 2, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 2, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 2, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 2, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 2, 7, 'what', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 2, 8, 'customer_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 2, 9, 'opportunity_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 2, 10, 'currency', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (11, 1, NULL, 2, 11, 'owner', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (12, 1, NULL, 2, 12, 'team', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (13, 1, NULL, 2, 13, 'source', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (14, 1, NULL, 2, 14, 'line', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (15, 1, NULL, 2, 15, 'sku', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (16, 1, NULL, 2, 16, 'quantity', 'decimal(18,6)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (17, 1, NULL, 2, 17, 'unit_price', 'decimal(18,4)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (18, 1, NULL, 2, 18, 'discount', 'decimal(7,6)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (19, 1, NULL, 2, 19, 'tax_rate', 'decimal(7,6)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (20, 1, NULL, 2, 20, 'net', 'decimal(18,4)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (21, 1, NULL, 2, 21, 'tax', 'decimal(18,4)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 3, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 3, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 3, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 3, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 3, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 3, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 3, 7, 'what', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 3, 8, 'customer_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 3, 9, 'pipeline_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 3, 10, 'pipeline_version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (11, 1, NULL, 3, 11, 'stage', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (12, 1, NULL, 3, 12, 'stage_rank', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (13, 1, NULL, 3, 13, 'stage_type', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (14, 1, NULL, 3, 14, 'from_stage', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (15, 1, NULL, 3, 15, 'from_stage_rank', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (16, 1, NULL, 3, 16, 'probability', 'decimal(7,6)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (17, 1, NULL, 3, 17, 'forecast_category', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (18, 1, NULL, 3, 18, 'amount', 'decimal(18,4)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (19, 1, NULL, 3, 19, 'currency', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (20, 1, NULL, 3, 20, 'closed_on', 'date', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (21, 1, NULL, 3, 21, 'reason', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (22, 1, NULL, 3, 22, 'owner', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (23, 1, NULL, 3, 23, 'team', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (24, 1, NULL, 3, 24, 'source', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 4, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 4, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 4, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 4, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 4, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 4, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 4, 7, 'what', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 4, 8, 'pipeline_version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 4, 9, 'rank', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 4, 10, 'stage', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (11, 1, NULL, 4, 11, 'stage_type', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (12, 1, NULL, 4, 12, 'probability', 'decimal(7,6)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (13, 1, NULL, 4, 13, 'forecast_category', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 5, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 5, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 5, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 5, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 5, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 5, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 5, 7, 'partition', 'int16', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 5, 8, 'stream_type', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 5, 9, 'type', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 5, 10, 'schema_version', 'int16', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (11, 1, NULL, 5, 11, 'subject_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (12, 1, NULL, 5, 12, 'event_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (13, 1, NULL, 5, 13, 'actor', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (14, 1, NULL, 5, 14, 'on_behalf_of', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (15, 1, NULL, 5, 15, 'correlation_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (16, 1, NULL, 5, 16, 'causation_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 6, 1, 'fact', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 6, 2, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 7, 1, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 7, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 7, 3, 'stream_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 7, 4, 'version', 'int32', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 7, 5, 'occurred_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 7, 6, 'recorded_at', 'timestamptz', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 7, 7, 'what', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (8, 1, NULL, 7, 8, 'method', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (9, 1, NULL, 7, 9, 'amount', 'decimal(18,4)', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (10, 1, NULL, 7, 10, 'currency', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 8, 1, 'fact', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 8, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 8, 3, 'tenant', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (4, 1, NULL, 8, 4, 'partition', 'int16', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (5, 1, NULL, 8, 5, 'event_id', 'uuid', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (6, 1, NULL, 8, 6, 'type', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (7, 1, NULL, 8, 7, 'error', 'varchar', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (1, 1, NULL, 9, 1, 'partition', 'int16', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (2, 1, NULL, 9, 2, 'position', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_column VALUES (3, 1, NULL, 9, 3, 'owner', 'int64', NULL, 'NULL', true, NULL, 'literal', 'duckdb');
INSERT INTO lake.ducklake_inlined_data_1_1 VALUES (0, 4, NULL, '\x61636d65', 13, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 1, '2026-11-22 12:17:49.003064+00', '2026-11-22 12:17:49.010344+00', '\x6f70656e6564', NULL, '1e2feb89-414c-443c-9027-c4d1c386bbc4', NULL, '\x7175657374696f6e', '\x6e6f726d616c', '\x6d61696c', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_1_1 VALUES (1, 4, NULL, '\x61636d65', 14, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 2, '2026-11-22 12:17:49.017569+00', '2026-11-22 12:17:49.06076+00', '\x7265706c696564', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\x6167656e74', true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_1_1 VALUES (2, 4, NULL, '\x61636d65', 15, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, '2026-11-22 12:17:49.067062+00', '2026-11-22 12:17:49.076117+00', '\x7265706c696564', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '\x6167656e74', true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (0, 4, NULL, '\x61636d65', 6, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', '\x706c61636564', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL, '\x455552', NULL, NULL, NULL, 1, '\x7330', 18.000000, 2.5000, 0.000000, 0.000000, 45.0000, 0.0000);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (1, 4, NULL, '\x61636d65', 6, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', '\x706c61636564', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL, '\x455552', NULL, NULL, NULL, 2, '\x7331', 13.000000, 88.5000, 0.000000, 0.000000, 1150.5000, 0.0000);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (2, 4, NULL, '\x61636d65', 6, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', '\x706c61636564', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL, '\x455552', NULL, NULL, NULL, 3, '\x7332', 7.000000, 55.5000, 0.000000, 0.000000, 388.5000, 0.0000);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (3, 4, NULL, '\x61636d65', 8, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.826696+00', '\x73686970706564', NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, 18.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (4, 4, NULL, '\x61636d65', 8, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.826696+00', '\x73686970706564', NULL, NULL, NULL, NULL, NULL, NULL, 2, NULL, 13.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (5, 4, NULL, '\x61636d65', 8, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.826696+00', '\x73686970706564', NULL, NULL, NULL, NULL, NULL, NULL, 3, NULL, 7.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (6, 4, NULL, '\x61636d65', 9, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, '2026-11-22 12:17:48.838272+00', '2026-11-22 12:17:48.901733+00', '\x64656c697665726564', NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, 18.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (7, 4, NULL, '\x61636d65', 9, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, '2026-11-22 12:17:48.838272+00', '2026-11-22 12:17:48.901733+00', '\x64656c697665726564', NULL, NULL, NULL, NULL, NULL, NULL, 2, NULL, 13.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (8, 4, NULL, '\x61636d65', 9, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, '2026-11-22 12:17:48.838272+00', '2026-11-22 12:17:48.901733+00', '\x64656c697665726564', NULL, NULL, NULL, NULL, NULL, NULL, 3, NULL, 7.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (9, 4, NULL, '\x61636d65', 12, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', '\x72657475726e5f726571756573746564', NULL, NULL, NULL, NULL, NULL, NULL, 1, NULL, 18.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (10, 4, NULL, '\x61636d65', 12, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', '\x72657475726e5f726571756573746564', NULL, NULL, NULL, NULL, NULL, NULL, 2, NULL, 13.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_2_1 VALUES (11, 4, NULL, '\x61636d65', 12, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', '\x72657475726e5f726571756573746564', NULL, NULL, NULL, NULL, NULL, NULL, 3, NULL, 7.000000, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_3_1 VALUES (0, 4, NULL, '\x61636d65', 3, '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, '2026-11-22 12:17:48.604689+00', '2026-11-22 12:17:48.653598+00', '\x6f70656e6564', '1e2feb89-414c-443c-9027-c4d1c386bbc4', '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', 0, '\x50726f7370656374696e67', 1, '\x6f70656e', NULL, NULL, 0.100000, '\x506970656c696e65', 3440.0000, '\x455552', NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_3_1 VALUES (1, 4, NULL, '\x61636d65', 4, '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, '2026-11-22 12:17:48.663336+00', '2026-11-22 12:17:48.719568+00', '\x73746167655f6d6f766564', NULL, NULL, 0, '\x50726f706f73616c', 3, '\x6f70656e', '\x50726f7370656374696e67', 1, 0.500000, '\x426573742043617365', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_3_1 VALUES (2, 4, NULL, '\x61636d65', 17, '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, '2026-11-22 12:17:49.091119+00', '2026-11-22 12:17:49.123294+00', '\x6f70656e6564', '1e2feb89-414c-443c-9027-c4d1c386bbc4', '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', 0, '\x50726f7370656374696e67', 1, '\x6f70656e', NULL, NULL, 0.100000, '\x506970656c696e65', 1417.0000, '\x455552', NULL, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (0, 4, NULL, '\x61636d65', 2, '1e2feb89-414c-443c-9027-c4d1c386bbc4', 1, '2026-11-22 12:17:48.583243+00', '2026-11-22 12:17:48.585771+00', 1, '\x637573746f6d6572', '\x637573746f6d65722e72656769737465726564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f028-758e-bf29-cffc1aee9e74', '\x746573746572', NULL, '01a20330-f026-757c-8de7-ad909d93cfa4', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (1, 4, NULL, '\x61636d65', 3, '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, '2026-11-22 12:17:48.604689+00', '2026-11-22 12:17:48.653598+00', 1, '\x6f70706f7274756e697479', '\x6f70706f7274756e6974792e6f70656e6564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f06c-764b-8a24-2e2530d89519', '\x746573746572', NULL, '01a20330-f037-71f1-8794-1940120ac8d2', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (2, 4, NULL, '\x61636d65', 4, '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, '2026-11-22 12:17:48.663336+00', '2026-11-22 12:17:48.719568+00', 1, '\x6f70706f7274756e697479', '\x6f70706f7274756e6974792e73746167655f6d6f766564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f0aa-7586-981f-2d6b4fa75eaf', '\x746573746572', NULL, '01a20330-f077-77a3-af52-b205657ca218', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (3, 4, NULL, '\x61636d65', 5, '78e51061-7311-48a3-82ce-6f447ed4d57b', 3, '2026-11-22 12:17:48.734053+00', '2026-11-22 12:17:48.752455+00', 1, '\x6f70706f7274756e697479', '\x6f70706f7274756e6974792e616d6f756e745f6368616e676564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f0ce-705f-ad4e-d45787d73337', '\x746573746572', NULL, '01a20330-f0bd-7305-a338-4c2a95afd1ca', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (4, 4, NULL, '\x61636d65', 13, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 1, '2026-11-22 12:17:49.003064+00', '2026-11-22 12:17:49.010344+00', 1, '\x7469636b6574', '\x7469636b65742e6f70656e6564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f1d0-770a-8fe7-a21ba840d14d', '\x746573746572', NULL, '01a20330-f1ca-7586-9674-09bb49b0e58c', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (5, 4, NULL, '\x61636d65', 14, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 2, '2026-11-22 12:17:49.017569+00', '2026-11-22 12:17:49.06076+00', 1, '\x7469636b6574', '\x7469636b65742e7265706c696564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f1ff-72fb-b941-ac4614d3fed2', '\x746573746572', NULL, '01a20330-f1d9-7502-8fa1-8940116b8ee5', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (6, 4, NULL, '\x61636d65', 15, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, '2026-11-22 12:17:49.067062+00', '2026-11-22 12:17:49.076117+00', 1, '\x7469636b6574', '\x7469636b65742e7265706c696564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f211-742e-9770-26eae47398af', '\x746573746572', NULL, '01a20330-f20a-7457-b43e-16f9f5145fd1', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (7, 4, NULL, '\x61636d65', 16, '1e2feb89-414c-443c-9027-c4d1c386bbc4', 2, '2026-11-22 12:17:49.082692+00', '2026-11-22 12:17:49.088235+00', 1, '\x637573746f6d6572', '\x637573746f6d65722e636c6173736966696564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f21e-7120-b0e4-7d4bf5381759', '\x746573746572', NULL, '01a20330-f21a-7039-b1fb-5342c8c9bf69', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (8, 4, NULL, '\x61636d65', 17, '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, '2026-11-22 12:17:49.091119+00', '2026-11-22 12:17:49.123294+00', 1, '\x6f70706f7274756e697479', '\x6f70706f7274756e6974792e6f70656e6564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f241-7740-a9cd-575a8f6b679b', '\x746573746572', NULL, '01a20330-f222-7154-b666-5b2146d1fa85', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (9, 4, NULL, '\x61636d65', 18, '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 2, '2026-11-22 12:17:49.128483+00', '2026-11-22 12:17:49.142405+00', 1, '\x6f70706f7274756e697479', '\x6f70706f7274756e6974792e616d6f756e745f6368616e676564', 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f252-71b1-ade0-33481718b5d1', '\x746573746572', NULL, '01a20330-f248-7112-a0c3-c0aee516835f', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (10, 4, NULL, '\x61636d65', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 2, '\x637573746f6d6572', '\x637573746f6d65722e72656769737465726564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f000-70d5-8fff-6aee31ad6057', '\x746573746572', NULL, '01a20330-ef6e-7194-9335-56dcc57dd4cd', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (11, 4, NULL, '\x61636d65', 6, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', 2, '\x6f72646572', '\x6f726465722e706c61636564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f0de-7594-8abf-3701e9ca80a8', '\x746573746572', NULL, '01a20330-f0d7-70a2-9e2c-1fa235a9bf6e', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (12, 4, NULL, '\x61636d65', 7, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 2, '2026-11-22 12:17:48.783952+00', '2026-11-22 12:17:48.794451+00', 2, '\x6f72646572', '\x6f726465722e636f6e6669726d6564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f0f5-7660-82dd-75e9f103791b', '\x746573746572', NULL, '01a20330-f0ef-748a-af17-845ecad8efe8', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (13, 4, NULL, '\x61636d65', 8, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.826696+00', 2, '\x6f72646572', '\x6f726465722e73686970706564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f10b-75cf-86f0-31e49650df4a', '\x746573746572', NULL, '01a20330-f106-71d7-b9b8-210d101652dc', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (14, 4, NULL, '\x61636d65', 9, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, '2026-11-22 12:17:48.838272+00', '2026-11-22 12:17:48.901733+00', 2, '\x6f72646572', '\x6f726465722e64656c697665726564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f15c-7250-9e9a-89cbb198bd7b', '\x746573746572', NULL, '01a20330-f123-7143-8ef1-abee7ef96e89', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (15, 4, NULL, '\x61636d65', 10, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 5, '2026-11-22 12:17:48.919678+00', '2026-11-22 12:17:48.942675+00', 2, '\x6f72646572', '\x6f726465722e696e766f69636564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f18d-768c-9747-14c755d83203', '\x746573746572', NULL, '01a20330-f177-776f-a436-b29538e777eb', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (16, 4, NULL, '\x61636d65', 11, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 6, '2026-11-22 12:17:48.94674+00', '2026-11-22 12:17:48.975842+00', 2, '\x6f72646572', '\x6f726465722e7061796d656e745f7265636f72646564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f1a5-75ed-80ff-0f6b7a164363', '\x746573746572', NULL, '01a20330-f192-751b-8920-123cc58da38a', NULL);
INSERT INTO lake.ducklake_inlined_data_5_1 VALUES (17, 4, NULL, '\x61636d65', 12, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', 2, '\x6f72646572', '\x6f726465722e72657475726e5f726571756573746564', 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f1bc-7524-958d-4c6659fdbb92', '\x746573746572', NULL, '01a20330-f1b2-77db-af05-fe653e42dea7', NULL);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (0, 1, NULL, '\x6576656e7473', 1);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (1, 1, NULL, '\x737461676573', 1);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (2, 1, NULL, '\x73746167655f6d6f766573', 1);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (3, 1, NULL, '\x6f726465725f6c696e6573', 1);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (4, 1, NULL, '\x7061796d656e7473', 1);
INSERT INTO lake.ducklake_inlined_data_6_1 VALUES (5, 1, NULL, '\x7469636b65745f7374657073', 1);
INSERT INTO lake.ducklake_inlined_data_7_1 VALUES (0, 4, NULL, '\x61636d65', 11, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 6, '2026-11-22 12:17:48.94674+00', '2026-11-22 12:17:48.975842+00', '\x7061796d656e745f7265636f72646564', '\x63617264', 1584.0000, '\x455552');
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (0, 1, 2, 0, 0, 0);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (1, 1, 2, 1, 0, 0);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (2, 1, 2, 2, 0, 0);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (3, 1, 2, 3, 0, 0);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (0, 3, NULL, 0, 0, 2);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (3, 3, NULL, 3, 0, 2);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (0, 2, 3, 0, 0, 1);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (1, 2, 3, 1, 0, 1);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (2, 2, 3, 2, 0, 1);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (3, 2, 3, 3, 0, 1);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (1, 4, NULL, 1, 18, 2);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (2, 4, NULL, 2, 12, 2);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (1, 3, 4, 1, 0, 2);
INSERT INTO lake.ducklake_inlined_data_9_1 VALUES (2, 3, 4, 2, 0, 2);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (1, 'ducklake_inlined_data_1_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (2, 'ducklake_inlined_data_2_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (3, 'ducklake_inlined_data_3_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (4, 'ducklake_inlined_data_4_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (5, 'ducklake_inlined_data_5_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (6, 'ducklake_inlined_data_6_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (7, 'ducklake_inlined_data_7_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (8, 'ducklake_inlined_data_8_1', 1);
INSERT INTO lake.ducklake_inlined_data_tables VALUES (9, 'ducklake_inlined_data_9_1', 1);
INSERT INTO lake.ducklake_metadata VALUES ('version', '1.0', NULL, NULL);
INSERT INTO lake.ducklake_metadata VALUES ('created_by', 'DuckDB d8cdaa33fd', NULL, NULL);
INSERT INTO lake.ducklake_metadata VALUES ('data_path', '/home/kronika/lake/', NULL, NULL);
INSERT INTO lake.ducklake_metadata VALUES ('encrypted', 'false', NULL, NULL);
INSERT INTO lake.ducklake_metadata VALUES ('data_inlining_row_limit', '100', NULL, NULL);
INSERT INTO lake.ducklake_metadata VALUES ('data_inlining_row_limit', '4', 'table', 9);
INSERT INTO lake.ducklake_schema VALUES (0, '7c1cc248-05e4-406b-a39a-c99b5895cc4a', 0, NULL, 'main', 'main/', true);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 1);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 2);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 3);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 4);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 5);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 6);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 7);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 8);
INSERT INTO lake.ducklake_schema_versions VALUES (1, 1, 9);
INSERT INTO lake.ducklake_snapshot VALUES (0, '2026-11-22 12:17:45.72872+00', 0, 1, 0);
INSERT INTO lake.ducklake_snapshot VALUES (1, '2026-11-22 12:17:46.10449+00', 1, 10, 2);
INSERT INTO lake.ducklake_snapshot VALUES (2, '2026-11-22 12:17:48.775069+00', 1, 10, 3);
INSERT INTO lake.ducklake_snapshot VALUES (3, '2026-11-22 12:17:49.447214+00', 1, 10, 4);
INSERT INTO lake.ducklake_snapshot VALUES (4, '2026-11-22 12:17:50.935104+00', 1, 10, 10);
INSERT INTO lake.ducklake_snapshot_changes VALUES (0, 'created_schema:"main"', NULL, NULL, NULL);
INSERT INTO lake.ducklake_snapshot_changes VALUES (1, 'created_table:"main"."parked",created_table:"main"."events",created_table:"main"."versions",created_table:"main"."stages",created_table:"main"."payments",created_table:"main"."stage_moves",created_table:"main"."checkpoints",created_table:"main"."order_lines",created_table:"main"."ticket_steps",inlined_insert:6,inlined_insert:9', NULL, NULL, NULL);
INSERT INTO lake.ducklake_snapshot_changes VALUES (2, 'inlined_insert:9,inlined_delete:9', NULL, NULL, NULL);
INSERT INTO lake.ducklake_snapshot_changes VALUES (3, 'inlined_insert:9,inlined_delete:9', NULL, NULL, NULL);
INSERT INTO lake.ducklake_snapshot_changes VALUES (4, 'inlined_insert:1,inlined_insert:2,inlined_insert:3,inlined_insert:5,inlined_insert:7,inlined_insert:9,inlined_delete:9', NULL, NULL, NULL);
INSERT INTO lake.ducklake_table VALUES (1, '01a20330-e691-7095-899d-ddcea4fe5419', 1, NULL, 0, 'ticket_steps', 'ticket_steps/', true);
INSERT INTO lake.ducklake_table VALUES (2, '01a20330-e68d-79d0-9091-3911ea9bcea1', 1, NULL, 0, 'order_lines', 'order_lines/', true);
INSERT INTO lake.ducklake_table VALUES (3, '01a20330-e68a-7ce2-a841-bca09e6d5a68', 1, NULL, 0, 'stage_moves', 'stage_moves/', true);
INSERT INTO lake.ducklake_table VALUES (4, '01a20330-e688-7f79-b98d-b93d3e825d82', 1, NULL, 0, 'stages', 'stages/', true);
INSERT INTO lake.ducklake_table VALUES (5, '01a20330-e684-7818-bda1-9ca79c22d42d', 1, NULL, 0, 'events', 'events/', true);
INSERT INTO lake.ducklake_table VALUES (6, '01a20330-e67a-7c34-b489-965ebc180172', 1, NULL, 0, 'versions', 'versions/', true);
INSERT INTO lake.ducklake_table VALUES (7, '01a20330-e68f-7286-bd20-47a03ba725c6', 1, NULL, 0, 'payments', 'payments/', true);
INSERT INTO lake.ducklake_table VALUES (8, '01a20330-e67a-74ed-b756-cb41cf7e94a6', 1, NULL, 0, 'parked', 'parked/', true);
INSERT INTO lake.ducklake_table VALUES (9, '01a20330-e679-7ae1-a171-22c24f75149f', 1, NULL, 0, 'checkpoints', 'checkpoints/', true);
INSERT INTO lake.ducklake_table_column_stats VALUES (6, 1, false, NULL, 'events', 'ticket_steps', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (6, 2, false, NULL, '1', '1', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (9, 1, false, NULL, '0', '3', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (9, 2, false, NULL, '0', '18', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (9, 3, false, NULL, '0', '2', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 1, false, NULL, 'acme', 'acme', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 2, false, NULL, '13', '15', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 3, false, NULL, 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 4, false, NULL, '1', '3', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 5, false, NULL, '2026-11-22 12:17:49.003064+00', '2026-11-22 12:17:49.067062+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 6, false, NULL, '2026-11-22 12:17:49.010344+00', '2026-11-22 12:17:49.076117+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 7, false, NULL, 'opened', 'replied', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 8, true, NULL, '1', '1', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 9, true, NULL, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '1e2feb89-414c-443c-9027-c4d1c386bbc4', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 10, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 11, true, NULL, 'question', 'question', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 12, true, NULL, 'normal', 'normal', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 13, true, NULL, 'mail', 'mail', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 14, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 15, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 16, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 17, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 18, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 19, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 20, true, NULL, 'agent', 'agent', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 21, true, NULL, 'true', 'true', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 22, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 23, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 24, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (1, 25, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 1, false, NULL, 'acme', 'acme', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 2, false, NULL, '6', '12', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 3, false, NULL, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 4, false, NULL, '1', '7', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 5, false, NULL, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.979215+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 6, false, NULL, '2026-11-22 12:17:48.769627+00', '2026-11-22 12:17:48.996328+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 7, false, NULL, 'delivered', 'shipped', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 8, true, NULL, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 9, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 10, true, NULL, 'EUR', 'EUR', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 11, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 12, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 13, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 14, false, NULL, '1', '3', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 15, true, NULL, 's0', 's2', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 16, false, NULL, '7.000000', '18.000000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 17, true, NULL, '2.5000', '88.5000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 18, true, NULL, '0.000000', '0.000000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 19, true, NULL, '0.000000', '0.000000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 20, true, NULL, '45.0000', '1150.5000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (2, 21, true, NULL, '0.0000', '0.0000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 1, false, NULL, 'acme', 'acme', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 2, false, NULL, '3', '17', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 3, false, NULL, '78e51061-7311-48a3-82ce-6f447ed4d57b', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 4, false, NULL, '1', '2', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 5, false, NULL, '2026-11-22 12:17:48.604689+00', '2026-11-22 12:17:49.091119+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 6, false, NULL, '2026-11-22 12:17:48.653598+00', '2026-11-22 12:17:49.123294+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 7, false, NULL, 'opened', 'stage_moved', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 8, true, NULL, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '1e2feb89-414c-443c-9027-c4d1c386bbc4', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 9, true, NULL, '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 10, false, NULL, '0', '0', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 11, false, NULL, 'Proposal', 'Prospecting', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 12, false, NULL, '1', '3', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 13, false, NULL, 'open', 'open', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 14, true, NULL, 'Prospecting', 'Prospecting', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 15, true, NULL, '1', '1', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 16, false, NULL, '0.100000', '0.500000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 17, false, NULL, 'Best Case', 'Pipeline', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 18, true, NULL, '1417.0000', '3440.0000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 19, true, NULL, 'EUR', 'EUR', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 20, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 21, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 22, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 23, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (3, 24, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 1, false, NULL, 'acme', 'acme', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 2, false, NULL, '1', '18', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 3, false, NULL, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 4, false, NULL, '1', '7', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 5, false, NULL, '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:49.128483+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 6, false, NULL, '2026-11-22 12:17:48.563953+00', '2026-11-22 12:17:49.142405+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 7, false, NULL, '1', '2', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 8, false, NULL, 'customer', 'ticket', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 9, false, NULL, 'customer.classified', 'ticket.replied', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 10, false, NULL, '1', '1', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 11, false, NULL, '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 12, false, NULL, '01a20330-f000-70d5-8fff-6aee31ad6057', '01a20330-f252-71b1-ade0-33481718b5d1', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 13, false, NULL, 'tester', 'tester', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 14, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 15, false, NULL, '01a20330-ef6e-7194-9335-56dcc57dd4cd', '01a20330-f248-7112-a0c3-c0aee516835f', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (5, 16, true, NULL, NULL, NULL, NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 1, false, NULL, 'acme', 'acme', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 2, false, NULL, '11', '11', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 3, false, NULL, '05b6e6e3-07d4-4edc-9143-1193e6c3f339', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 4, false, NULL, '6', '6', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 5, false, NULL, '2026-11-22 12:17:48.94674+00', '2026-11-22 12:17:48.94674+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 6, false, NULL, '2026-11-22 12:17:48.975842+00', '2026-11-22 12:17:48.975842+00', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 7, false, NULL, 'payment_recorded', 'payment_recorded', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 8, false, NULL, 'card', 'card', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 9, false, NULL, '1584.0000', '1584.0000', NULL);
INSERT INTO lake.ducklake_table_column_stats VALUES (7, 10, false, NULL, 'EUR', 'EUR', NULL);
INSERT INTO lake.ducklake_table_stats VALUES (6, 6, 6, 0);
INSERT INTO lake.ducklake_table_stats VALUES (1, 3, 3, 0);
INSERT INTO lake.ducklake_table_stats VALUES (2, 12, 12, 0);
INSERT INTO lake.ducklake_table_stats VALUES (3, 3, 3, 0);
INSERT INTO lake.ducklake_table_stats VALUES (5, 18, 18, 0);
INSERT INTO lake.ducklake_table_stats VALUES (7, 1, 1, 0);
INSERT INTO lake.ducklake_table_stats VALUES (9, 14, 4, 0);
INSERT INTO log.commands VALUES ('acme', '0-91b7584a2265b1f5', '\x02471c78309cf32bc8b0eaae8baba27201b382e849ab1e6c11437855b4728697', 'customer', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, 1, 1, '2026-11-22 12:17:48.563953+00');
INSERT INTO log.commands VALUES ('acme', '0-1027c4d1c386bbc4', '\xb546b100a954b2c80135ee8c84e56b45c3e2741cf591104124a463cc3411b7f3', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 1, 2, 1, '2026-11-22 12:17:48.585771+00');
INSERT INTO log.commands VALUES ('acme', '0-7ce42c8218072e8c', '\xba1bce2c7fd567665b88aeb19048007adc1ce38f9f48ca096641dfee3c529b17', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, 3, 1, '2026-11-22 12:17:48.653598+00');
INSERT INTO log.commands VALUES ('acme', '0-c324c9859b810e76', '\x1faef2ee9202cc8c43d27c5a2655ea74c10b91d5f36f6835bc3f9e9764617060', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, 4, 1, '2026-11-22 12:17:48.719568+00');
INSERT INTO log.commands VALUES ('acme', '0-cd447e35b8b6d8fe', '\x5dec2ec48bd090059ecbf1412744127f0e878c5eaa541c6564c4551f44554604', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 3, 5, 1, '2026-11-22 12:17:48.752455+00');
INSERT INTO log.commands VALUES ('acme', '0-76f3787b9d179e0', '\xc0f1e1af3dc4894fc38a90fb79c21e10693334865b11579b3fce5edf6999b6f4', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, 6, 1, '2026-11-22 12:17:48.769627+00');
INSERT INTO log.commands VALUES ('acme', '0-f06d3fef701966a0', '\xee5fd320c77e80c9be12e8c3d22f2615c7dd7596dec1bfadcea2d4eb891db2d8', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 2, 7, 1, '2026-11-22 12:17:48.794451+00');
INSERT INTO log.commands VALUES ('acme', '0-587fd2803bab6c39', '\xf4502a5a57bff81c42f4895626e692e84176224536e263a556133ccfda917c9b', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, 8, 1, '2026-11-22 12:17:48.826696+00');
INSERT INTO log.commands VALUES ('acme', '0-c2cd789a380208a9', '\xf024f0321d9d183a01b48a3a27ee78128dd6d42165fa856a3b401c710c4c26ba', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, 9, 1, '2026-11-22 12:17:48.901733+00');
INSERT INTO log.commands VALUES ('acme', '0-ed2f89d94a2f20aa', '\x7f9af8c795564b953b8be8d9747e4c40e4ec8bc48ddecf07628367a602d3c4fa', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 5, 10, 1, '2026-11-22 12:17:48.942675+00');
INSERT INTO log.commands VALUES ('acme', '0-ea90a8f0d66b829e', '\xed31e589a125149a507ea5b6e3b62853020fb8a9ccaafbc641695f30b7726d75', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 6, 11, 1, '2026-11-22 12:17:48.975842+00');
INSERT INTO log.commands VALUES ('acme', '0-19999e3fa46d6753', '\xf7dffda667236c9c6f50e42531bfbda30fd326c54f5159f4d7be9c118cf09c71', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, 12, 1, '2026-11-22 12:17:48.996328+00');
INSERT INTO log.commands VALUES ('acme', '0-b8b333a8e5446dd4', '\xa68466dbb2a9bdaeae9218833de3060a6852403110c7a6d7d1e9add78f8527f2', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 1, 13, 1, '2026-11-22 12:17:49.010344+00');
INSERT INTO log.commands VALUES ('acme', '0-f79b17aeefba91fc', '\x6c96c40f12e8f2a27489144a5ac0d511203470a3bce757156dd339f62cb30b5b', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 2, 14, 1, '2026-11-22 12:17:49.06076+00');
INSERT INTO log.commands VALUES ('acme', '0-e901e35cd47d380d', '\x6c96c40f12e8f2a27489144a5ac0d511203470a3bce757156dd339f62cb30b5b', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, 15, 1, '2026-11-22 12:17:49.076117+00');
INSERT INTO log.commands VALUES ('acme', '0-3e2434e37af027bc', '\x20254a1357ec0eb7bc3156ba84230071aaa5dcd1f43561a033a0972d4b41f7c1', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 2, 16, 1, '2026-11-22 12:17:49.088235+00');
INSERT INTO log.commands VALUES ('acme', '0-a9ec0806705fca16', '\xe7086a5295620c0c21561e7a5e4eb967fff1fd24b132a1be861e8769fcd79bb4', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, 17, 1, '2026-11-22 12:17:49.123294+00');
INSERT INTO log.commands VALUES ('acme', '0-bb968a437d5c8dfc', '\xd718fa2948a991365e48876f14a35c71fff791355e409fce393f4d63f33b9c82', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 2, 18, 1, '2026-11-22 12:17:49.142405+00');
INSERT INTO log.epochs VALUES (1, 0, '2026-11-22 12:17:45.011978+00');
INSERT INTO log.events VALUES (1, 'acme', 'customer', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f000-70d5-8fff-6aee31ad6057', 'customer.registered', 1, '2026-11-22 12:17:48.563953+00', '2026-11-22 12:17:48.513065+00', 'tester', NULL, NULL, '01a20330-ef6e-7194-9335-56dcc57dd4cd', NULL, '0-91b7584a2265b1f5', NULL, '{"kind":"organisation","external_ids":[],"industry":null,"region":null,"size":null,"tier":null,"tags":[],"owner":null,"team":null,"source":null}', '{"name":"AZ7+FKJKncaW689SskD3ypArAWzGkzBF9YmV8xSxsRPwncbjHwaRMA==","addresses":"AfyvgmnxsSYNA9vypEmG/h7gez9+uTY93zqJbwIsjw==","emails":"AVnbQFBd9JUM07r2MpTmUicDF9a/Lhi7uAsS1YrmPA==","phones":"ASuQ5XWWT7P06outJy/ePLgX/rJVYxuCidmQUhAPng=="}');
INSERT INTO log.events VALUES (2, 'acme', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 1, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f028-758e-bf29-cffc1aee9e74', 'customer.registered', 1, '2026-11-22 12:17:48.585771+00', '2026-11-22 12:17:48.583243+00', 'tester', NULL, NULL, '01a20330-f026-757c-8de7-ad909d93cfa4', NULL, '0-1027c4d1c386bbc4', NULL, '{"kind":"organisation","external_ids":[],"industry":null,"region":null,"size":null,"tier":null,"tags":[],"owner":null,"team":null,"source":null}', '{"name":"AfyOJWfrakiGM7I3YI+wVd29bwnJOI+MZO6NcviuR8uv1S8293dI5g==","addresses":"ATdMsOfrzYEoWBP6DB1vHZuyuoAaPDfABLkZKeegxA==","emails":"AVal9XrQwur8bn7y0SwsY8DUMDOINDLuZkzjyXF06Q==","phones":"ASlxc4i1RR4yZppocLmvhJtcXlvWhPQScAVIrKH4/Q=="}');
INSERT INTO log.events VALUES (3, 'acme', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f06c-764b-8a24-2e2530d89519', 'opportunity.opened', 1, '2026-11-22 12:17:48.653598+00', '2026-11-22 12:17:48.604689+00', 'tester', NULL, NULL, '01a20330-f037-71f1-8794-1940120ac8d2', NULL, '0-7ce42c8218072e8c', NULL, '{"title":"A sale","customer_id":"1e2feb89-414c-443c-9027-c4d1c386bbc4","pipeline_id":"6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01","pipeline_version":0,"stage":"Prospecting","stage_rank":1,"stage_type":"open","probability":"0.10","forecast_category":"Pipeline","amount":"3440","currency":"EUR","expected_close":null,"owner":null,"team":null,"source":null}', '{"contact":"AXFYHzgQ70EHwm0DB7hQ93Bh6lnh+KOqLx7hYys6oeiNDjWa3w=="}');
INSERT INTO log.events VALUES (4, 'acme', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f0aa-7586-981f-2d6b4fa75eaf', 'opportunity.stage_moved', 1, '2026-11-22 12:17:48.719568+00', '2026-11-22 12:17:48.663336+00', 'tester', NULL, NULL, '01a20330-f077-77a3-af52-b205657ca218', NULL, '0-c324c9859b810e76', NULL, '{"stage":"Proposal","stage_rank":3,"stage_type":"open","probability":"0.50","forecast_category":"Best Case","pipeline_version":0,"from_stage":"Prospecting","from_stage_rank":1}', NULL);
INSERT INTO log.events VALUES (5, 'acme', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 3, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f0ce-705f-ad4e-d45787d73337', 'opportunity.amount_changed', 1, '2026-11-22 12:17:48.752455+00', '2026-11-22 12:17:48.734053+00', 'tester', NULL, NULL, '01a20330-f0bd-7305-a338-4c2a95afd1ca', NULL, '0-cd447e35b8b6d8fe', NULL, '{"amount":"4364","currency":"EUR"}', NULL);
INSERT INTO log.events VALUES (6, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f0de-7594-8abf-3701e9ca80a8', 'order.placed', 1, '2026-11-22 12:17:48.769627+00', '2026-11-22 12:17:48.759425+00', 'tester', NULL, NULL, '01a20330-f0d7-70a2-9e2c-1fa235a9bf6e', NULL, '0-76f3787b9d179e0', NULL, '{"customer_id":"cd613e30-d8f1-4adf-91b7-584a2265b1f5","opportunity_id":null,"number":null,"source":null,"owner":null,"team":null,"currency":"EUR","lines":[{"number":1,"sku":"s0","description":null,"quantity":"18","unit_price":"2.50","discount":"0","tax_rate":"0","net":"45.00","tax":"0.00"},{"number":2,"sku":"s1","description":null,"quantity":"13","unit_price":"88.50","discount":"0","tax_rate":"0","net":"1150.50","tax":"0.00"},{"number":3,"sku":"s2","description":null,"quantity":"7","unit_price":"55.50","discount":"0","tax_rate":"0","net":"388.50","tax":"0.00"}],"quantity":"38","sales":"1584.00","net":"1584.00","tax":"0.00","total":"1584.00","wanted_by":null}', NULL);
INSERT INTO log.events VALUES (7, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 2, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f0f5-7660-82dd-75e9f103791b', 'order.confirmed', 1, '2026-11-22 12:17:48.794451+00', '2026-11-22 12:17:48.783952+00', 'tester', NULL, NULL, '01a20330-f0ef-748a-af17-845ecad8efe8', NULL, '0-f06d3fef701966a0', NULL, '{}', NULL);
INSERT INTO log.events VALUES (8, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f10b-75cf-86f0-31e49650df4a', 'order.shipped', 1, '2026-11-22 12:17:48.826696+00', '2026-11-22 12:17:48.806575+00', 'tester', NULL, NULL, '01a20330-f106-71d7-b9b8-210d101652dc', NULL, '0-587fd2803bab6c39', NULL, '{"parts":[{"line":1,"quantity":"18"},{"line":2,"quantity":"13"},{"line":3,"quantity":"7"}],"quantity":"38","carrier":null,"tracking_number":null}', NULL);
INSERT INTO log.events VALUES (9, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f15c-7250-9e9a-89cbb198bd7b', 'order.delivered', 1, '2026-11-22 12:17:48.901733+00', '2026-11-22 12:17:48.838272+00', 'tester', NULL, NULL, '01a20330-f123-7143-8ef1-abee7ef96e89', NULL, '0-c2cd789a380208a9', NULL, '{"parts":[{"line":1,"quantity":"18"},{"line":2,"quantity":"13"},{"line":3,"quantity":"7"}],"quantity":"38","worth":"1584.00"}', NULL);
INSERT INTO log.events VALUES (10, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 5, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f18d-768c-9747-14c755d83203', 'order.invoiced', 1, '2026-11-22 12:17:48.942675+00', '2026-11-22 12:17:48.919678+00', 'tester', NULL, NULL, '01a20330-f177-776f-a436-b29538e777eb', NULL, '0-ed2f89d94a2f20aa', NULL, '{"invoice_number":"i-05b6e6e3-07d4-4edc-9143-1193e6c3f339","amount":"1584.00","currency":"EUR","parts":[],"due_on":"2030-01-01"}', NULL);
INSERT INTO log.events VALUES (11, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 6, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f1a5-75ed-80ff-0f6b7a164363', 'order.payment_recorded', 1, '2026-11-22 12:17:48.975842+00', '2026-11-22 12:17:48.94674+00', 'tester', NULL, NULL, '01a20330-f192-751b-8920-123cc58da38a', NULL, '0-ea90a8f0d66b829e', NULL, '{"method":"card","amount":"1584.00","currency":"EUR","reference":null}', NULL);
INSERT INTO log.events VALUES (12, 'acme', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, 2, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '01a20330-f1bc-7524-958d-4c6659fdbb92', 'order.return_requested', 1, '2026-11-22 12:17:48.996328+00', '2026-11-22 12:17:48.979215+00', 'tester', NULL, NULL, '01a20330-f1b2-77db-af05-fe653e42dea7', NULL, '0-19999e3fa46d6753', NULL, '{"parts":[{"line":1,"quantity":"18"},{"line":2,"quantity":"13"},{"line":3,"quantity":"7"}],"quantity":"38","reason":null}', NULL);
INSERT INTO log.events VALUES (13, 'acme', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 1, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f1d0-770a-8fe7-a21ba840d14d', 'ticket.opened', 1, '2026-11-22 12:17:49.010344+00', '2026-11-22 12:17:49.003064+00', 'tester', NULL, NULL, '01a20330-f1ca-7586-9674-09bb49b0e58c', NULL, '0-b8b333a8e5446dd4', NULL, '{"customer_id":"1e2feb89-414c-443c-9027-c4d1c386bbc4","kind":"question","priority":"normal","channel":"mail","product":null,"category":null,"order_id":null,"owner":null,"team":null,"number":null,"source":null}', '{"text":"ASdNW2R8sD/TOFrVRKogokYDve+40vjlcSCo2IZsddnHPDDlK2Q=","subject":"AdzqU/sHGYNtDRPeo/0TluWYocnL/4EwxsuL+C9CW48="}');
INSERT INTO log.events VALUES (14, 'acme', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 2, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f1ff-72fb-b941-ac4614d3fed2', 'ticket.replied', 1, '2026-11-22 12:17:49.06076+00', '2026-11-22 12:17:49.017569+00', 'tester', NULL, NULL, '01a20330-f1d9-7502-8fa1-8940116b8ee5', NULL, '0-f79b17aeefba91fc', NULL, '{"author":"agent","public":true,"channel":null,"cycle":1}', '{"text":"AcfpjKBauhL8q5wll5Oet8wFiXqahY9ckmzHDU2VVN0="}');
INSERT INTO log.events VALUES (15, 'acme', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f211-742e-9770-26eae47398af', 'ticket.replied', 1, '2026-11-22 12:17:49.076117+00', '2026-11-22 12:17:49.067062+00', 'tester', NULL, NULL, '01a20330-f20a-7457-b43e-16f9f5145fd1', NULL, '0-e901e35cd47d380d', NULL, '{"author":"agent","public":true,"channel":null,"cycle":1}', '{"text":"Ad0mqf7HjNyQhFK3zmlqsHBv9yE9t4UXMuE/F5Er/3c="}');
INSERT INTO log.events VALUES (16, 'acme', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 2, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f21e-7120-b0e4-7d4bf5381759', 'customer.classified', 1, '2026-11-22 12:17:49.088235+00', '2026-11-22 12:17:49.082692+00', 'tester', NULL, NULL, '01a20330-f21a-7039-b1fb-5342c8c9bf69', NULL, '0-3e2434e37af027bc', NULL, '{"dimension":"tier","value":"gold"}', NULL);
INSERT INTO log.events VALUES (17, 'acme', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f241-7740-a9cd-575a8f6b679b', 'opportunity.opened', 1, '2026-11-22 12:17:49.123294+00', '2026-11-22 12:17:49.091119+00', 'tester', NULL, NULL, '01a20330-f222-7154-b666-5b2146d1fa85', NULL, '0-a9ec0806705fca16', NULL, '{"title":"A sale","customer_id":"1e2feb89-414c-443c-9027-c4d1c386bbc4","pipeline_id":"6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01","pipeline_version":0,"stage":"Prospecting","stage_rank":1,"stage_type":"open","probability":"0.10","forecast_category":"Pipeline","amount":"1417","currency":"EUR","expected_close":null,"owner":null,"team":null,"source":null}', '{"contact":"Adj9OsKfGQrHglbhzxwgSeOPKBOO9wEopMA5BZ2jq3e3cOXFPg=="}');
INSERT INTO log.events VALUES (18, 'acme', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 2, 1, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '01a20330-f252-71b1-ade0-33481718b5d1', 'opportunity.amount_changed', 1, '2026-11-22 12:17:49.142405+00', '2026-11-22 12:17:49.128483+00', 'tester', NULL, NULL, '01a20330-f248-7112-a0c3-c0aee516835f', NULL, '0-bb968a437d5c8dfc', NULL, '{"amount":"6071","currency":"EUR"}', NULL);
INSERT INTO log.settings VALUES (true, 4);
INSERT INTO public.kronika_migrations VALUES ('0001_log', '2026-11-22 12:17:44.960016+00');
INSERT INTO read.checkpoints VALUES ('reactor', 0, 0, 3);
INSERT INTO read.checkpoints VALUES ('customer_search', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('reactor', 1, 18, 3);
INSERT INTO read.checkpoints VALUES ('reactor', 2, 12, 3);
INSERT INTO read.checkpoints VALUES ('reactor', 3, 0, 3);
INSERT INTO read.checkpoints VALUES ('customer_search', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('customer_search', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('customer_search', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('customers', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('customers', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('customers', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('customers', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('opportunities', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('opportunities', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('opportunities', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('opportunities', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('orders', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('orders', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('orders', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('orders', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('pipelines', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('pipelines', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('pipelines', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('pipelines', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('receivables', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('receivables', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('receivables', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('receivables', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('stage_durations', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('stage_durations', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('stage_durations', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('stage_durations', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('tickets', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('tickets', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('tickets', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('tickets', 3, 0, 2);
INSERT INTO read.checkpoints VALUES ('timeline', 0, 0, 2);
INSERT INTO read.checkpoints VALUES ('timeline', 1, 18, 2);
INSERT INTO read.checkpoints VALUES ('timeline', 2, 12, 2);
INSERT INTO read.checkpoints VALUES ('timeline', 3, 0, 2);
INSERT INTO read.customer_search VALUES ('acme', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 1, 2, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '2026-11-22 12:17:48.583243+00', '2026-11-22 12:17:48.585771+00', 'tester', '2026-11-22 12:17:48.583243+00', '2026-11-22 12:17:48.585771+00', 'tester', '{"name": [1795349868583243, 1], "emails": [1795349868583243, 1], "phones": [1795349868583243, 1]}', '旧公司', '[]', '[]', '
旧公司
', '{-2004580876,-1336374517,-1311685841,467175089,1373929432,1555125293}');
INSERT INTO read.customer_search VALUES ('acme', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 'tester', '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 'tester', '{"name": [1795349868513065, 1], "emails": [1795349868513065, 1], "phones": [1795349868513065, 1]}', '旧公司', '[]', '[]', '
旧公司
', '{-2004580876,-1336374517,-1311685841,467175089,1373929432,1555125293}');
INSERT INTO read.customers VALUES ('acme', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, 1, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 'tester', '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 'tester', '{"sex": [1795349868513065, 1], "kind": [1795349868513065, 1], "name": [1795349868513065, 1], "size": [1795349868513065, 1], "team": [1795349868513065, 1], "tier": [1795349868513065, 1], "owner": [1795349868513065, 1], "active": [1795349868513065, 1], "emails": [1795349868513065, 1], "phones": [1795349868513065, 1], "region": [1795349868513065, 1], "source": [1795349868513065, 1], "tax_id": [1795349868513065, 1], "birthday": [1795349868513065, 1], "industry": [1795349868513065, 1], "addresses": [1795349868513065, 1]}', 'organisation', true, '旧公司', '[]', '[]', '[]', NULL, NULL, NULL, '{}', NULL, NULL, NULL, NULL, '{}', '{}', '{}', NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL);
INSERT INTO read.customers VALUES ('acme', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 2, 16, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '2026-11-22 12:17:48.583243+00', '2026-11-22 12:17:48.585771+00', 'tester', '2026-11-22 12:17:49.082692+00', '2026-11-22 12:17:49.088235+00', 'tester', '{"sex": [1795349868583243, 1], "kind": [1795349868583243, 1], "name": [1795349868583243, 1], "size": [1795349868583243, 1], "team": [1795349868583243, 1], "tier": [1795349869082692, 2], "owner": [1795349868583243, 1], "active": [1795349868583243, 1], "emails": [1795349868583243, 1], "phones": [1795349868583243, 1], "region": [1795349868583243, 1], "source": [1795349868583243, 1], "tax_id": [1795349868583243, 1], "birthday": [1795349868583243, 1], "industry": [1795349868583243, 1], "addresses": [1795349868583243, 1]}', 'organisation', true, '旧公司', '[]', '[]', '[]', NULL, NULL, NULL, '{}', NULL, NULL, NULL, 'gold', '{}', '{}', '{}', NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, NULL);
INSERT INTO read.opportunities VALUES ('acme', '78e51061-7311-48a3-82ce-6f447ed4d57b', 3, 5, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '2026-11-22 12:17:48.604689+00', '2026-11-22 12:17:48.653598+00', 'tester', '2026-11-22 12:17:48.734053+00', '2026-11-22 12:17:48.752455+00', 'tester', '{"team": [1795349868604689, 1], "owner": [1795349868604689, 1], "stage": [1795349868663336, 2], "title": [1795349868604689, 1], "amount": [1795349868734053, 3], "source": [1795349868604689, 1], "contact": [1795349868604689, 1], "currency": [1795349868734053, 3], "stage_rank": [1795349868663336, 2], "stage_type": [1795349868663336, 2], "customer_id": [1795349868604689, 1], "pipeline_id": [1795349868604689, 1], "probability": [1795349868663336, 2], "expected_close": [1795349868604689, 1], "pipeline_version": [1795349868604689, 1], "forecast_category": [1795349868663336, 2]}', 'A sale', '1e2feb89-414c-443c-9027-c4d1c386bbc4', '小王', '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', 0, 'Proposal', 3, 'open', '2026-11-22 12:17:48.663336+00', NULL, 0.50, 'Best Case', NULL, 4364, 'EUR', 2182.00, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, 1, 0, 0);
INSERT INTO read.opportunities VALUES ('acme', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 2, 18, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '2026-11-22 12:17:49.091119+00', '2026-11-22 12:17:49.123294+00', 'tester', '2026-11-22 12:17:49.128483+00', '2026-11-22 12:17:49.142405+00', 'tester', '{"team": [1795349869091119, 1], "owner": [1795349869091119, 1], "stage": [1795349869091119, 1], "title": [1795349869091119, 1], "amount": [1795349869128483, 2], "source": [1795349869091119, 1], "contact": [1795349869091119, 1], "currency": [1795349869128483, 2], "stage_rank": [1795349869091119, 1], "stage_type": [1795349869091119, 1], "customer_id": [1795349869091119, 1], "pipeline_id": [1795349869091119, 1], "probability": [1795349869091119, 1], "expected_close": [1795349869091119, 1], "pipeline_version": [1795349869091119, 1], "forecast_category": [1795349869091119, 1]}', 'A sale', '1e2feb89-414c-443c-9027-c4d1c386bbc4', '小王', '6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01', 0, 'Prospecting', 1, 'open', '2026-11-22 12:17:49.091119+00', NULL, 0.10, 'Pipeline', NULL, 6071, 'EUR', 607.10, NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, NULL, 0, 0, 0);
INSERT INTO read.orders VALUES ('acme', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, 12, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', 'tester', '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', 'tester', '{"net": [1795349868759425, 1], "tax": [1795349868759425, 1], "team": [1795349868759425, 1], "lines": [1795349868759425, 1], "owner": [1795349868759425, 1], "sales": [1795349868759425, 1], "state": [1795349868783952, 2], "total": [1795349868759425, 1], "number": [1795349868759425, 1], "source": [1795349868759425, 1], "currency": [1795349868759425, 1], "quantity": [1795349868759425, 1], "wanted_by": [1795349868759425, 1], "customer_id": [1795349868759425, 1], "opportunity_id": [1795349868759425, 1], "shipping_address": [1795349868759425, 1]}', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL, NULL, NULL, NULL, NULL, 'confirmed', 'Completed', 'EUR', '[{"net": "45.00", "sku": "s0", "tax": "0.00", "number": 1, "discount": "0", "quantity": "18", "tax_rate": "0", "unit_price": "2.50", "description": null}, {"net": "1150.50", "sku": "s1", "tax": "0.00", "number": 2, "discount": "0", "quantity": "13", "tax_rate": "0", "unit_price": "88.50", "description": null}, {"net": "388.50", "sku": "s2", "tax": "0.00", "number": 3, "discount": "0", "quantity": "7", "tax_rate": "0", "unit_price": "55.50", "description": null}]', '{"1": {"shipped": "18", "delivered": "18", "return_requested": "18"}, "2": {"shipped": "13", "delivered": "13", "return_requested": "13"}, "3": {"shipped": "7", "delivered": "7", "return_requested": "7"}}', 38, 1584.00, 1584.00, 0.00, 1584.00, NULL, NULL, 38, 38, 1584.00, 38, 0, 0, 1584.00, 1584.00, 0, 100, 100, 100, 100, 0.00, 1584.00, 0.00, 0.00, '2026-11-22 12:17:48.783952+00', '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.838272+00', NULL);
INSERT INTO read.receivables VALUES ('acme', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, 12, 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', 'tester', '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', 'tester', '{"team": [1795349868759425, 1], "owner": [1795349868759425, 1], "state": [1795349868783952, 2], "total": [1795349868759425, 1], "number": [1795349868759425, 1], "currency": [1795349868759425, 1], "customer_id": [1795349868759425, 1]}', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', NULL, NULL, NULL, 'confirmed', 'EUR', 1584.00, 1584.00, 0, 1584.00, 0.00, 1584.00, 0, 0.00, 0.00, NULL, '[{"paid": "1584.00", "amount": "1584.00", "due_on": "2030-01-01", "credited": "0.00", "issued_on": "2026-11-22", "outstanding": "0.00", "invoice_number": "i-05b6e6e3-07d4-4edc-9143-1193e6c3f339"}]', '[{"amount": "1584.00", "method": "card", "paid_on": "2026-11-22", "reference": null}]');
INSERT INTO read.stage_durations VALUES ('acme', '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, 3, 'Prospecting', 1, 'open', NULL, '2026-11-22 12:17:48.604689+00');
INSERT INTO read.stage_durations VALUES ('acme', '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, 4, 'Proposal', 3, 'open', 'Prospecting', '2026-11-22 12:17:48.663336+00');
INSERT INTO read.stage_durations VALUES ('acme', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, 17, 'Prospecting', 1, 'open', NULL, '2026-11-22 12:17:49.091119+00');
INSERT INTO read.tickets VALUES ('acme', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, 15, '1e2feb89-414c-443c-9027-c4d1c386bbc4', '2026-11-22 12:17:49.003064+00', '2026-11-22 12:17:49.010344+00', 'tester', '2026-11-22 12:17:49.067062+00', '2026-11-22 12:17:49.076117+00', 'tester', '{"kind": [1795349869003064, 1], "team": [1795349869003064, 1], "text": [1795349869003064, 1], "cycle": [1795349869003064, 1], "owner": [1795349869003064, 1], "state": [1795349869003064, 1], "number": [1795349869003064, 1], "source": [1795349869003064, 1], "channel": [1795349869003064, 1], "product": [1795349869003064, 1], "subject": [1795349869003064, 1], "category": [1795349869003064, 1], "order_id": [1795349869003064, 1], "priority": [1795349869003064, 1], "customer_id": [1795349869003064, 1]}', NULL, '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'question', 'normal', 'mail', '?', '如何?', NULL, NULL, NULL, NULL, NULL, NULL, 'open', 1, 1, '{}', NULL, NULL, '{}', '{}', NULL, 2, 0, 0, '2026-11-22 12:17:49.067062+00', 'agent', NULL, NULL, NULL, 0.014505, NULL, 0, '[{"cycle": 1, "outcome": null, "ended_at": null, "paused_s": "0", "started_at": "2026-11-22T12:17:49.003064+00:00", "resolution_s": null, "first_response_s": "0.014505", "next_responses_s": []}]', '2 2026-11-22T12:17:49.003064+00:00', '[{"at": 1795349869003064, "type": "Opened", "version": 1}, {"at": 1795349869017569, "type": "Replied", "cycle": 1, "author": "agent", "public": true, "version": 2}, {"at": 1795349869067062, "type": "Replied", "cycle": 1, "author": "agent", "public": true, "version": 3}]');
INSERT INTO read.timeline VALUES ('acme', 2, '2026-11-22 12:17:48.583243+00', '2026-11-22 12:17:48.585771+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 1, '01a20330-f028-758e-bf29-cffc1aee9e74', 'customer.registered', 'tester', NULL, NULL, '{"sex": null, "kind": "organisation", "name": "旧公司", "size": null, "tags": [], "team": null, "tier": null, "owner": null, "emails": [], "phones": [], "region": null, "source": null, "tax_id": null, "birthday": null, "industry": null, "addresses": [], "external_ids": []}');
INSERT INTO read.timeline VALUES ('acme', 1, '2026-11-22 12:17:48.513065+00', '2026-11-22 12:17:48.563953+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'customer', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 1, '01a20330-f000-70d5-8fff-6aee31ad6057', 'customer.registered', 'tester', NULL, NULL, '{"sex": null, "kind": "organisation", "name": "旧公司", "size": null, "tags": [], "team": null, "tier": null, "owner": null, "emails": [], "phones": [], "region": null, "source": null, "tax_id": null, "birthday": null, "industry": null, "addresses": [], "external_ids": []}');
INSERT INTO read.timeline VALUES ('acme', 3, '2026-11-22 12:17:48.604689+00', '2026-11-22 12:17:48.653598+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 1, '01a20330-f06c-764b-8a24-2e2530d89519', 'opportunity.opened', 'tester', NULL, NULL, '{"team": null, "owner": null, "stage": "Prospecting", "title": "A sale", "amount": "3440", "source": null, "contact": "小王", "currency": "EUR", "stage_rank": 1, "stage_type": "open", "customer_id": "1e2feb89-414c-443c-9027-c4d1c386bbc4", "pipeline_id": "6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01", "probability": "0.10", "expected_close": null, "pipeline_version": 0, "forecast_category": "Pipeline"}');
INSERT INTO read.timeline VALUES ('acme', 4, '2026-11-22 12:17:48.663336+00', '2026-11-22 12:17:48.719568+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 2, '01a20330-f0aa-7586-981f-2d6b4fa75eaf', 'opportunity.stage_moved', 'tester', NULL, NULL, '{"stage": "Proposal", "from_stage": "Prospecting", "stage_rank": 3, "stage_type": "open", "probability": "0.50", "from_stage_rank": 1, "pipeline_version": 0, "forecast_category": "Best Case"}');
INSERT INTO read.timeline VALUES ('acme', 5, '2026-11-22 12:17:48.734053+00', '2026-11-22 12:17:48.752455+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'opportunity', '78e51061-7311-48a3-82ce-6f447ed4d57b', 3, '01a20330-f0ce-705f-ad4e-d45787d73337', 'opportunity.amount_changed', 'tester', NULL, NULL, '{"amount": "4364", "currency": "EUR"}');
INSERT INTO read.timeline VALUES ('acme', 6, '2026-11-22 12:17:48.759425+00', '2026-11-22 12:17:48.769627+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 1, '01a20330-f0de-7594-8abf-3701e9ca80a8', 'order.placed', 'tester', NULL, NULL, '{"net": "1584.00", "tax": "0.00", "team": null, "lines": [{"net": "45.00", "sku": "s0", "tax": "0.00", "number": 1, "discount": "0", "quantity": "18", "tax_rate": "0", "unit_price": "2.50", "description": null}, {"net": "1150.50", "sku": "s1", "tax": "0.00", "number": 2, "discount": "0", "quantity": "13", "tax_rate": "0", "unit_price": "88.50", "description": null}, {"net": "388.50", "sku": "s2", "tax": "0.00", "number": 3, "discount": "0", "quantity": "7", "tax_rate": "0", "unit_price": "55.50", "description": null}], "owner": null, "sales": "1584.00", "total": "1584.00", "number": null, "source": null, "currency": "EUR", "quantity": "38", "wanted_by": null, "customer_id": "cd613e30-d8f1-4adf-91b7-584a2265b1f5", "opportunity_id": null, "shipping_address": null}');
INSERT INTO read.timeline VALUES ('acme', 7, '2026-11-22 12:17:48.783952+00', '2026-11-22 12:17:48.794451+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 2, '01a20330-f0f5-7660-82dd-75e9f103791b', 'order.confirmed', 'tester', NULL, NULL, '{}');
INSERT INTO read.timeline VALUES ('acme', 8, '2026-11-22 12:17:48.806575+00', '2026-11-22 12:17:48.826696+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 3, '01a20330-f10b-75cf-86f0-31e49650df4a', 'order.shipped', 'tester', NULL, NULL, '{"parts": [{"line": 1, "quantity": "18"}, {"line": 2, "quantity": "13"}, {"line": 3, "quantity": "7"}], "carrier": null, "quantity": "38", "tracking_number": null}');
INSERT INTO read.timeline VALUES ('acme', 9, '2026-11-22 12:17:48.838272+00', '2026-11-22 12:17:48.901733+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 4, '01a20330-f15c-7250-9e9a-89cbb198bd7b', 'order.delivered', 'tester', NULL, NULL, '{"parts": [{"line": 1, "quantity": "18"}, {"line": 2, "quantity": "13"}, {"line": 3, "quantity": "7"}], "worth": "1584.00", "quantity": "38"}');
INSERT INTO read.timeline VALUES ('acme', 10, '2026-11-22 12:17:48.919678+00', '2026-11-22 12:17:48.942675+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 5, '01a20330-f18d-768c-9747-14c755d83203', 'order.invoiced', 'tester', NULL, NULL, '{"parts": [], "amount": "1584.00", "due_on": "2030-01-01", "currency": "EUR", "invoice_number": "i-05b6e6e3-07d4-4edc-9143-1193e6c3f339"}');
INSERT INTO read.timeline VALUES ('acme', 11, '2026-11-22 12:17:48.94674+00', '2026-11-22 12:17:48.975842+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 6, '01a20330-f1a5-75ed-80ff-0f6b7a164363', 'order.payment_recorded', 'tester', NULL, NULL, '{"amount": "1584.00", "method": "card", "currency": "EUR", "reference": null}');
INSERT INTO read.timeline VALUES ('acme', 13, '2026-11-22 12:17:49.003064+00', '2026-11-22 12:17:49.010344+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 1, '01a20330-f1d0-770a-8fe7-a21ba840d14d', 'ticket.opened', 'tester', NULL, NULL, '{"kind": "question", "team": null, "text": "如何?", "owner": null, "number": null, "source": null, "channel": "mail", "product": null, "subject": "?", "category": null, "order_id": null, "priority": "normal", "customer_id": "1e2feb89-414c-443c-9027-c4d1c386bbc4"}');
INSERT INTO read.timeline VALUES ('acme', 14, '2026-11-22 12:17:49.017569+00', '2026-11-22 12:17:49.06076+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 2, '01a20330-f1ff-72fb-b941-ac4614d3fed2', 'ticket.replied', 'tester', NULL, NULL, '{"text": "!", "cycle": 1, "author": "agent", "public": true, "channel": null}');
INSERT INTO read.timeline VALUES ('acme', 15, '2026-11-22 12:17:49.067062+00', '2026-11-22 12:17:49.076117+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'ticket', 'be3edc0a-1ef2-44f0-8be0-3db0dc2574bd', 3, '01a20330-f211-742e-9770-26eae47398af', 'ticket.replied', 'tester', NULL, NULL, '{"text": "!", "cycle": 1, "author": "agent", "public": true, "channel": null}');
INSERT INTO read.timeline VALUES ('acme', 16, '2026-11-22 12:17:49.082692+00', '2026-11-22 12:17:49.088235+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'customer', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 2, '01a20330-f21e-7120-b0e4-7d4bf5381759', 'customer.classified', 'tester', NULL, NULL, '{"value": "gold", "dimension": "tier"}');
INSERT INTO read.timeline VALUES ('acme', 17, '2026-11-22 12:17:49.091119+00', '2026-11-22 12:17:49.123294+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 1, '01a20330-f241-7740-a9cd-575a8f6b679b', 'opportunity.opened', 'tester', NULL, NULL, '{"team": null, "owner": null, "stage": "Prospecting", "title": "A sale", "amount": "1417", "source": null, "contact": "小王", "currency": "EUR", "stage_rank": 1, "stage_type": "open", "customer_id": "1e2feb89-414c-443c-9027-c4d1c386bbc4", "pipeline_id": "6b0f2c7e-5d43-5f0a-9c1b-0a5a1e5c0d01", "probability": "0.10", "expected_close": null, "pipeline_version": 0, "forecast_category": "Pipeline"}');
INSERT INTO read.timeline VALUES ('acme', 18, '2026-11-22 12:17:49.128483+00', '2026-11-22 12:17:49.142405+00', '1e2feb89-414c-443c-9027-c4d1c386bbc4', 'opportunity', '8c7e134f-5dfb-43d1-ac4a-3698aa2ca1af', 2, '01a20330-f252-71b1-ade0-33481718b5d1', 'opportunity.amount_changed', 'tester', NULL, NULL, '{"amount": "6071", "currency": "EUR"}');
INSERT INTO read.timeline VALUES ('acme', 12, '2026-11-22 12:17:48.979215+00', '2026-11-22 12:17:48.996328+00', 'cd613e30-d8f1-4adf-91b7-584a2265b1f5', 'order', '05b6e6e3-07d4-4edc-9143-1193e6c3f339', 7, '01a20330-f1bc-7524-958d-4c6659fdbb92', 'order.return_requested', 'tester', NULL, NULL, '{"parts": [{"line": 1, "quantity": "18"}, {"line": 2, "quantity": "13"}, {"line": 3, "quantity": "7"}], "reason": null, "quantity": "38"}');
INSERT INTO read.versions VALUES ('customers', 1);
INSERT INTO read.versions VALUES ('customer_search', 1);
INSERT INTO read.versions VALUES ('timeline', 1);
INSERT INTO read.versions VALUES ('pipelines', 1);
INSERT INTO read.versions VALUES ('opportunities', 1);
INSERT INTO read.versions VALUES ('stage_durations', 1);
INSERT INTO read.versions VALUES ('orders', 1);
INSERT INTO read.versions VALUES ('receivables', 1);
INSERT INTO read.versions VALUES ('tickets', 1);
ALTER TABLE ONLY access.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY fanout.relay
    ADD CONSTRAINT relay_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY lake.ducklake_data_file
    ADD CONSTRAINT ducklake_data_file_pkey PRIMARY KEY (data_file_id);
ALTER TABLE ONLY lake.ducklake_delete_file
    ADD CONSTRAINT ducklake_delete_file_pkey PRIMARY KEY (delete_file_id);
ALTER TABLE ONLY lake.ducklake_schema
    ADD CONSTRAINT ducklake_schema_pkey PRIMARY KEY (schema_id);
ALTER TABLE ONLY lake.ducklake_snapshot_changes
    ADD CONSTRAINT ducklake_snapshot_changes_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY lake.ducklake_snapshot
    ADD CONSTRAINT ducklake_snapshot_pkey PRIMARY KEY (snapshot_id);
ALTER TABLE ONLY log.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (tenant, kind, token);
ALTER TABLE ONLY log.commands
    ADD CONSTRAINT commands_pkey PRIMARY KEY (tenant, command_id);
ALTER TABLE ONLY log.epochs
    ADD CONSTRAINT epochs_pkey PRIMARY KEY (epoch);
ALTER TABLE ONLY log.events
    ADD CONSTRAINT events_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY log.events
    ADD CONSTRAINT events_tenant_stream_id_version_key UNIQUE (tenant, stream_id, version);
ALTER TABLE ONLY log.parents
    ADD CONSTRAINT parents_pkey PRIMARY KEY (tenant, child_id);
ALTER TABLE ONLY log.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.kronika_migrations
    ADD CONSTRAINT kronika_migrations_pkey PRIMARY KEY (step);
ALTER TABLE ONLY read.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (slot, partition);
ALTER TABLE ONLY read.customer_search
    ADD CONSTRAINT customer_search_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.customers
    ADD CONSTRAINT customers_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.opportunities
    ADD CONSTRAINT opportunities_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (slot, "position");
ALTER TABLE ONLY read.pipelines
    ADD CONSTRAINT pipelines_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.receivables
    ADD CONSTRAINT receivables_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.skipped
    ADD CONSTRAINT skipped_pkey PRIMARY KEY (projection, "position");
ALTER TABLE ONLY read.stage_durations
    ADD CONSTRAINT stage_durations_pkey PRIMARY KEY (tenant, opportunity_id, version);
ALTER TABLE ONLY read.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (tenant, id);
ALTER TABLE ONLY read.timeline
    ADD CONSTRAINT timeline_pkey PRIMARY KEY (tenant, "position");
ALTER TABLE ONLY read.versions
    ADD CONSTRAINT versions_pkey PRIMARY KEY (projection);
CREATE INDEX events_by_partition ON log.events USING btree (partition, "position");
CREATE INDEX events_by_tenant ON log.events USING btree (tenant, "position");
CREATE INDEX customer_search_grams_idx ON read.customer_search USING gin (grams);
CREATE INDEX customers_contacts_idx ON read.customers USING gin (contacts);
CREATE INDEX customers_external_ids_idx ON read.customers USING gin (external_ids);
CREATE INDEX customers_tags_idx ON read.customers USING gin (tags);
CREATE INDEX customers_tenant_created_at_id_idx ON read.customers USING btree (tenant, created_at, id);
CREATE INDEX customers_tenant_last_interaction_at_id_idx ON read.customers USING btree (tenant, last_interaction_at, id);
CREATE INDEX customers_tenant_name_id_idx ON read.customers USING btree (tenant, name, id);
CREATE INDEX customers_tenant_owner_id_idx ON read.customers USING btree (tenant, owner, id);
CREATE INDEX customers_tenant_parent_id_idx ON read.customers USING btree (tenant, parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX customers_tenant_updated_at_id_idx ON read.customers USING btree (tenant, updated_at, id);
CREATE INDEX opportunities_tenant_amount_id_idx ON read.opportunities USING btree (tenant, amount, id);
CREATE INDEX opportunities_tenant_closed_on_id_idx ON read.opportunities USING btree (tenant, closed_on, id);
CREATE INDEX opportunities_tenant_created_at_id_idx ON read.opportunities USING btree (tenant, created_at, id);
CREATE INDEX opportunities_tenant_customer_id_created_at_idx ON read.opportunities USING btree (tenant, customer_id, created_at);
CREATE INDEX opportunities_tenant_expected_close_id_idx ON read.opportunities USING btree (tenant, expected_close, id);
CREATE INDEX opportunities_tenant_owner_id_idx ON read.opportunities USING btree (tenant, owner, id);
CREATE INDEX opportunities_tenant_pipeline_id_stage_amount_id_idx ON read.opportunities USING btree (tenant, pipeline_id, stage, amount DESC NULLS LAST, id) WHERE (stage_type = 'open'::text);
CREATE INDEX opportunities_tenant_subject_id_idx ON read.opportunities USING btree (tenant, subject_id) WHERE (customer_id <> subject_id);
CREATE INDEX opportunities_tenant_updated_at_id_idx ON read.opportunities USING btree (tenant, updated_at, id);
CREATE INDEX orders_tenant_created_at_id_idx ON read.orders USING btree (tenant, created_at, id);
CREATE INDEX orders_tenant_customer_id_created_at_idx ON read.orders USING btree (tenant, customer_id, created_at);
CREATE INDEX orders_tenant_number_idx ON read.orders USING btree (tenant, number);
CREATE INDEX orders_tenant_opportunity_id_idx ON read.orders USING btree (tenant, opportunity_id) WHERE (opportunity_id IS NOT NULL);
CREATE INDEX orders_tenant_owner_id_idx ON read.orders USING btree (tenant, owner, id);
CREATE INDEX orders_tenant_state_created_at_id_idx ON read.orders USING btree (tenant, state, created_at, id);
CREATE INDEX orders_tenant_total_id_idx ON read.orders USING btree (tenant, total, id);
CREATE INDEX orders_tenant_updated_at_id_idx ON read.orders USING btree (tenant, updated_at, id);
CREATE INDEX parked_by_key ON read.parked USING btree (slot, key, "position");
CREATE INDEX pipelines_tenant_created_at_id_idx ON read.pipelines USING btree (tenant, created_at, id);
CREATE INDEX receivables_tenant_created_at_id_idx ON read.receivables USING btree (tenant, created_at, id);
CREATE INDEX receivables_tenant_customer_id_idx ON read.receivables USING btree (tenant, customer_id);
CREATE INDEX receivables_tenant_due_on_id_idx ON read.receivables USING btree (tenant, due_on, id);
CREATE INDEX receivables_tenant_outstanding_id_idx ON read.receivables USING btree (tenant, outstanding, id);
CREATE INDEX receivables_tenant_updated_at_id_idx ON read.receivables USING btree (tenant, updated_at, id);
CREATE INDEX stage_durations_tenant_entered_at_opportunity_id_version_idx ON read.stage_durations USING btree (tenant, entered_at, opportunity_id, version);
CREATE INDEX tickets_tenant_created_at_id_idx ON read.tickets USING btree (tenant, created_at, id);
CREATE INDEX tickets_tenant_customer_id_created_at_idx ON read.tickets USING btree (tenant, customer_id, created_at);
CREATE INDEX tickets_tenant_number_idx ON read.tickets USING btree (tenant, number);
CREATE INDEX tickets_tenant_owner_id_idx ON read.tickets USING btree (tenant, owner, id);
CREATE INDEX tickets_tenant_queue_place_id_idx ON read.tickets USING btree (tenant, queue_place, id);
CREATE INDEX tickets_tenant_state_created_at_id_idx ON read.tickets USING btree (tenant, state, created_at, id);
CREATE INDEX tickets_tenant_updated_at_id_idx ON read.tickets USING btree (tenant, updated_at, id);
CREATE INDEX timeline_tenant_stream_id_occurred_at_position_idx ON read.timeline USING btree (tenant, stream_id, occurred_at, "position");
CREATE INDEX timeline_tenant_subject_id_occurred_at_position_idx ON read.timeline USING btree (tenant, subject_id, occurred_at, "position");
GRANT USAGE ON SCHEMA log TO kronika_app;
GRANT SELECT,INSERT,DELETE ON TABLE log.claims TO kronika_app;
GRANT SELECT,INSERT ON TABLE log.commands TO kronika_app;
GRANT SELECT ON TABLE log.epochs TO kronika_app;
GRANT SELECT,INSERT ON TABLE log.events TO kronika_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE log.parents TO kronika_app;
GRANT SELECT ON TABLE log.settings TO kronika_app;
