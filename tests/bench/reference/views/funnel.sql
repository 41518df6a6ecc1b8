WITH seen AS (
    SELECT stream_id, version, what, stage_rank, stage_type FROM bench.stage_moves
     WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s
), way AS (
    SELECT stream_id, max(stage_rank) FILTER (WHERE stage_type <> 'lost') AS furthest
      FROM seen GROUP BY 1 HAVING bool_or(what = 'opened')
), last_move AS (
    SELECT DISTINCT ON (stream_id) stream_id, stage_type AS now FROM seen ORDER BY stream_id, version DESC
)
SELECT rank AS rank, count(*) AS reached, count(*) FILTER (WHERE furthest = rank AND now = 'open') AS open,
       count(*) FILTER (WHERE furthest = rank AND now = 'lost') AS lost
  FROM way JOIN last_move USING (stream_id) CROSS JOIN LATERAL generate_series(1, furthest) AS rank GROUP BY 1
