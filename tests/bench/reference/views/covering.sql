-- For each of the questions beside an index that has all that it reads, in the order in which it joins: about as large as the
-- tables themselves, so that few would keep them beside a log that is written to; told apart from the ordinary ones.
CREATE INDEX ON bench.stage_moves (tenant, stream_id, version DESC) INCLUDE (occurred_at, what, stage, stage_rank, stage_type,
    from_stage_rank, pipeline_version, probability, forecast_category, closed_on);
CREATE INDEX ON bench.stage_moves (tenant, stream_id) INCLUDE (occurred_at, pipeline_id, pipeline_version, customer_id, amount,
    owner, team, source) WHERE what = 'opened';
CREATE INDEX ON bench.opportunity_terms (tenant, stream_id) INCLUDE (occurred_at, version, customer_id, amount, currency,
    expected_close, owner, team, source) WHERE what = 'opened';
CREATE INDEX ON bench.opportunity_terms (tenant, stream_id, occurred_at DESC, version DESC) INCLUDE (what, amount, currency)
 WHERE what IN ('amount_changed', 'won') OR (what = 'product_lines_set' AND amount IS NOT NULL);
CREATE INDEX ON bench.opportunity_terms (tenant, what, stream_id, occurred_at DESC, version DESC) INCLUDE (expected_close, owner, team);
CREATE INDEX ON bench.customer_steps (tenant, what, stream_id, occurred_at DESC, version DESC) INCLUDE (into_id);
CREATE INDEX ON bench.customer_steps (tenant, dimension, stream_id, occurred_at DESC, version DESC) INCLUDE (value)
 WHERE dimension IS NOT NULL;
CREATE INDEX ON bench.customer_steps (tenant, stream_id);
CREATE INDEX ON bench.order_steps (tenant, stream_id) INCLUDE (customer_id, currency, owner, team, source, net, total, occurred_at)
 WHERE what = 'placed';
CREATE INDEX ON bench.order_steps (tenant, stream_id) INCLUDE (customer_id, currency, source, net, occurred_at)
 WHERE what = 'confirmed';
CREATE INDEX ON bench.order_steps (tenant, what, stream_id, version) INCLUDE (occurred_at, net, total, worth, amount, due_on,
    invoice_number) WHERE what NOT IN ('placed', 'confirmed');
CREATE INDEX ON bench.order_lines (tenant, what, stream_id, line, version) INCLUDE (sku, quantity, net, occurred_at)
 WHERE what IN ('placed', 'amended');
CREATE INDEX ON bench.order_lines (tenant, what, stream_id, line, version, position) INCLUDE (quantity, occurred_at)
 WHERE what NOT IN ('placed', 'amended');
CREATE INDEX ON bench.payments (tenant, stream_id) INCLUDE (what, amount, occurred_at);
CREATE INDEX ON bench.ticket_steps (tenant, stream_id, occurred_at, version) INCLUDE (what, cycle, author, public);
CREATE INDEX ON bench.ticket_steps (tenant, what, stream_id, version);
CREATE INDEX ON bench.events (tenant, stream_id, version) INCLUDE (occurred_at, type, event_id);
