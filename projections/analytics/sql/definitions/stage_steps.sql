-- Stage steps: each time that an opportunity stood in a stage, from when until when; `until` is empty for where it stands.
SELECT stream_id, pipeline_version, stage, stage_rank, stage_type, probability, closed_on, occurred_at AS since,
       lead(occurred_at) OVER (PARTITION BY stream_id ORDER BY version) AS until
  FROM stage_moves
