-- The indexes that one keeps of such tables: what became of one thing, in the order of its versions and by what happened, and
-- what happened of a kind, by time.
CREATE AGGREGATE bench.product(float8) (SFUNC = float8mul, STYPE = float8, INITCOND = 1);
CREATE INDEX ON bench.customer_steps (tenant, stream_id, version);
CREATE INDEX ON bench.customer_steps (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.customer_steps (tenant, what, occurred_at);
CREATE INDEX ON bench.stage_moves (tenant, stream_id, version);
CREATE INDEX ON bench.stage_moves (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.stage_moves (tenant, what, occurred_at);
CREATE INDEX ON bench.opportunity_terms (tenant, stream_id, version);
CREATE INDEX ON bench.opportunity_terms (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.opportunity_terms (tenant, what, occurred_at);
CREATE INDEX ON bench.offered_lines (tenant, stream_id, version);
CREATE INDEX ON bench.offered_lines (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.offered_lines (tenant, what, occurred_at);
CREATE INDEX ON bench.order_steps (tenant, stream_id, version);
CREATE INDEX ON bench.order_steps (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.order_steps (tenant, what, occurred_at);
CREATE INDEX ON bench.order_lines (tenant, stream_id, version);
CREATE INDEX ON bench.order_lines (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.order_lines (tenant, what, occurred_at);
CREATE INDEX ON bench.payments (tenant, stream_id, version);
CREATE INDEX ON bench.payments (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.payments (tenant, what, occurred_at);
CREATE INDEX ON bench.ticket_steps (tenant, stream_id, version);
CREATE INDEX ON bench.ticket_steps (tenant, stream_id, what, occurred_at);
CREATE INDEX ON bench.ticket_steps (tenant, what, occurred_at);
CREATE INDEX ON bench.events (tenant, stream_id, version);
CREATE INDEX ON bench.events (tenant, type, occurred_at);
