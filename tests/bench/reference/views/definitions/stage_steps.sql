-- Stage steps: each time that an opportunity stood in a stage, from when until when.
SELECT stream_id, pipeline_version, stage, stage_rank, stage_type, probability, closed_on, occurred_at AS since,
       lag(occurred_at) OVER (PARTITION BY stream_id ORDER BY version DESC) AS until
  FROM stage_moves
