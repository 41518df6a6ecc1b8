-- The facts as tables of PostgreSQL, with the indexes that the questions beside can use.
CREATE INDEX ON bench.stage_moves (tenant, stream_id, version) INCLUDE (what, stage_type, stage_rank, occurred_at);
CREATE INDEX ON bench.stage_moves (tenant, what, occurred_at) INCLUDE (stream_id, pipeline_id, pipeline_version);
CREATE INDEX ON bench.opportunity_terms (tenant, stream_id, occurred_at DESC, version DESC);
CREATE INDEX ON bench.order_steps (tenant, what, stream_id) INCLUDE (occurred_at, customer_id, currency, owner, team, net);
CREATE INDEX ON bench.order_lines (tenant, what, stream_id, line) INCLUDE (quantity, net, version, occurred_at);
CREATE INDEX ON bench.customer_steps (tenant, what, occurred_at);
