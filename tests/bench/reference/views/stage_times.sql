WITH step AS (
    SELECT stream_id, stage_rank, stage_type, occurred_at AS since,
           lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY version) AS until
      FROM bench.stage_moves WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s
), stood AS (
    SELECT stream_id, stage_rank, sum(extract(epoch FROM coalesce(until, %(as_of)s) - since)::float8) / 86400 AS days,
           bool_or(until IS NULL) AS still
      FROM step WHERE stage_type = 'open' GROUP BY 1, 2
), together AS (
    SELECT stage_rank, days, count(*) FILTER (WHERE NOT still) AS moved_on, count(*) FILTER (WHERE still) AS censored
      FROM stood GROUP BY 1, 2
), risk AS (
    SELECT *, sum(moved_on + censored) OVER (PARTITION BY stage_rank ORDER BY days DESC) AS at_risk FROM together
), curve AS (
    SELECT *, exp(greatest(-600, sum(CASE WHEN moved_on = at_risk THEN -600 ELSE ln(1 - moved_on::float8 / at_risk::float8) END)
                  OVER (PARTITION BY stage_rank ORDER BY days))) AS survival FROM risk
)
SELECT stage_rank AS rank, sum(moved_on + censored) AS entered, sum(moved_on) AS moved_on,
       min(days) FILTER (WHERE survival <= 0.5 + 1e-9) AS median_days, min(days) FILTER (WHERE survival <= 0.1 + 1e-9) AS p90_days
  FROM curve GROUP BY 1
