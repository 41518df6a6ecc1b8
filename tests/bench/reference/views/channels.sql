, deal AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage_type FROM bench.stage_moves
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s ORDER BY stream_id, version DESC
), worth AS (
    SELECT DISTINCT ON (stream_id) stream_id, source, amount FROM (
        SELECT stream_id, version, occurred_at, amount, first_value(source) OVER (PARTITION BY stream_id ORDER BY version) AS source
          FROM bench.opportunity_terms WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s) t
     ORDER BY stream_id, occurred_at DESC, version DESC
), sold AS (
    SELECT source AS channel, count(*) AS opportunities, count(*) FILTER (WHERE stage_type = 'won') AS won,
           sum(amount) FILTER (WHERE stage_type = 'won') AS won_value
      FROM deal JOIN worth USING (stream_id) GROUP BY 1
), bought AS (
    SELECT o.source AS channel, count(*) AS orders, sum(p.net) AS net
      FROM purchases p JOIN bench.order_steps o USING (stream_id) WHERE o.tenant = %(tenant)s AND o.what = 'placed' GROUP BY 1
)
SELECT s.channel, s.opportunities, s.won, s.won_value, b.orders, b.net
  FROM sold s JOIN bought b ON b.channel IS NOT DISTINCT FROM s.channel
