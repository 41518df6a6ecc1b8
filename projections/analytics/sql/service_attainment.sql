-- Service attainment: which part of the service cycles kept to the limits asked for. A cycle counts in the period (UTC) in
-- which it ended; see service cycles for what one is and how its times are taken: by the wall clock, without pauses.
--
-- First response  met: our first public reply came within its limit. Missed: it came later, or had not come when the cycle
--                 ended and its limit was over. A cycle that ended unanswered before that is neither.
-- Resolution      met: resolved within its limit. Missed: resolved later, or ended otherwise when its limit was over. A
--                 cycle that was closed without a resolution, or merged, before that is neither.
-- Attainment      met / (met + missed).
-- Open breached   cycles still open at the moment asked for whose limit is over: answered too late, or not answered yet; not
--                 resolved yet. They are in no attainment, and in the period of that moment.
-- Cycles          those that ended.
WITH timed AS (
    SELECT CASE $by::VARCHAR WHEN 'team' THEN team WHEN 'priority' THEN priority WHEN 'kind' THEN kind
                             WHEN 'channel' THEN channel WHEN 'product' THEN product WHEN 'category' THEN category END AS dimension,
           make_timestamp(epoch_us(coalesce(ended_at, $moment::TIMESTAMPTZ)))::DATE AS day, ended_at IS NULL AS open,
           first_response_s, resolution_s,
           (epoch_us(coalesce(ended_at, paused_since, $moment::TIMESTAMPTZ)) - epoch_us(started_at)) / 1e6 - paused_s AS worked_s
      FROM cycles
), judged AS (
    SELECT date_trunc($period, day)::DATE AS period, dimension, open,
           CASE WHEN coalesce(first_response_s, worked_s) > $first_response_within THEN 'missed'
                WHEN first_response_s IS NOT NULL THEN 'met' END AS answered,
           CASE WHEN coalesce(resolution_s, worked_s) > $resolution_within THEN 'missed'
                WHEN resolution_s IS NOT NULL THEN 'met' END AS resolved
      FROM timed
     WHERE ($ended_from::DATE IS NULL OR day >= $ended_from::DATE) AND ($ended_before::DATE IS NULL OR day < $ended_before::DATE)
)
SELECT period, dimension, count(*) FILTER (NOT open) AS cycles,
       count(*) FILTER (NOT open AND answered = 'met') AS first_response_met,
       count(*) FILTER (NOT open AND answered = 'missed') AS first_response_missed,
       first_response_met / nullif(first_response_met + first_response_missed, 0) AS first_response_attainment,
       count(*) FILTER (open AND answered = 'missed') AS first_response_open_breached,
       count(*) FILTER (NOT open AND resolved = 'met') AS resolution_met,
       count(*) FILTER (NOT open AND resolved = 'missed') AS resolution_missed,
       resolution_met / nullif(resolution_met + resolution_missed, 0) AS resolution_attainment,
       count(*) FILTER (open AND resolved = 'missed') AS resolution_open_breached
  FROM judged GROUP BY period, dimension
 ORDER BY period, dimension
