-- The indexes that one keeps of such tables: what became of one thing, in the order of its versions and by what happened, and
-- what happened of a kind, by time.
CREATE AGGREGATE bench.product(float8) (SFUNC = float8mul, STYPE = float8, INITCOND = 1);
DO $$
DECLARE fact text;
BEGIN
    FOREACH fact IN ARRAY ARRAY['customer_steps', 'stage_moves', 'opportunity_terms', 'offered_lines', 'order_steps',
                                'order_lines', 'payments', 'ticket_steps', 'targets', 'channel_costs'] LOOP
        EXECUTE format('CREATE INDEX ON bench.%I (tenant, stream_id, version)', fact);
        EXECUTE format('CREATE INDEX ON bench.%I (tenant, stream_id, what, occurred_at)', fact);
        EXECUTE format('CREATE INDEX ON bench.%I (tenant, what, occurred_at)', fact);
    END LOOP;
END $$;
CREATE INDEX ON bench.events (tenant, stream_id, version);
CREATE INDEX ON bench.events (tenant, type, occurred_at);
