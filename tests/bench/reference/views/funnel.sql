WITH way AS (
    SELECT stream_id, max(stage_rank) FILTER (WHERE stage_type <> 'lost') AS furthest
      FROM bench.stage_moves WHERE tenant = %(tenant)s AND occurred_at <= %(as_of)s GROUP BY 1
)
SELECT rank AS rank, count(*) AS reached FROM way CROSS JOIN LATERAL generate_series(1, furthest) AS rank GROUP BY 1
