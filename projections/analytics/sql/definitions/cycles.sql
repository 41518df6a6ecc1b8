-- Cycles: one row each time a ticket was worked on, from opened or reopened until resolved, closed or merged.
-- The same figures as domain/service_times.py computes, by the wall clock.
--
-- Events are taken in the order in which they happened (then by version); what happens after a cycle has ended belongs
-- to none. Ended as  resolved; unresolved (closed without a resolution); merged; empty while it runs.
-- First response     seconds from the start to our first public reply, without the pauses between.
-- Resolution         seconds from the start until resolved, without the pauses; empty when it ended otherwise.
-- Paused             seconds of the pauses that are over; `paused_since` is when the one began that it is in.
-- Score              the customer's last word on this cycle, 1 to 5; empty where it was recorded in error.
-- Kind, priority, channel, product, category, team  as given when the ticket was opened.
WITH told AS (
    SELECT *, row_number() OVER in_order AS n,
           count(*) FILTER (what IN ('opened', 'reopened')) OVER in_order AS turn
      FROM ticket_steps
    WINDOW in_order AS (PARTITION BY stream_id ORDER BY occurred_at, version ROWS UNBOUNDED PRECEDING)
), turns AS (
    SELECT stream_id, turn, coalesce(arg_min(CASE WHEN what = 'reopened' THEN cycle END, n), 1) AS cycle,
           min(occurred_at) AS started_at,
           min(n) FILTER (what IN ('resolved', 'closed', 'merged')) AS last
      FROM told WHERE turn > 0 GROUP BY stream_id, turn
), during AS (
    SELECT told.* FROM told JOIN turns USING (stream_id, turn) WHERE last IS NULL OR n <= last
), outcome AS (
    SELECT stream_id, turn,
           min(occurred_at) FILTER (what = 'replied' AND public AND author <> 'customer') AS answered_at,
           min(occurred_at) FILTER (what IN ('resolved', 'closed', 'merged')) AS ended_at,
           max(what) FILTER (what IN ('resolved', 'closed', 'merged')) AS ended_by
      FROM during GROUP BY stream_id, turn
), marks AS (
    SELECT stream_id, turn, what, occurred_at AS began_at, lag(what) OVER in_order AS before,
           min(occurred_at) FILTER (what <> 'paused')
               OVER (PARTITION BY stream_id, turn ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS over_at
      FROM during WHERE what IN ('paused', 'resumed', 'resolved', 'closed', 'merged')
    WINDOW in_order AS (PARTITION BY stream_id, turn ORDER BY n)
), waited AS (
    SELECT stream_id, turn,
           sum(greatest(epoch_us(least(coalesce(over_at, answered_at), answered_at)) - epoch_us(began_at), 0)) / 1e6 AS answering,
           sum(epoch_us(over_at) - epoch_us(began_at)) / 1e6 AS resolving,
           max(began_at) FILTER (over_at IS NULL) AS paused_since
      FROM marks JOIN outcome USING (stream_id, turn)
     WHERE what = 'paused' AND before IS DISTINCT FROM 'paused'
     GROUP BY stream_id, turn
), score AS (
    SELECT stream_id, cycle, arg_max_null(score, (occurred_at, version)) AS score
      FROM ticket_steps WHERE what = 'satisfaction_recorded' GROUP BY stream_id, cycle
), opened AS (
    SELECT stream_id, customer_id, kind, priority, channel, product, category, team FROM ticket_steps WHERE what = 'opened'
)
SELECT stream_id AS ticket_id, cycle, customer_id, kind, priority, channel, product, category, team, started_at, ended_at,
       CASE ended_by WHEN 'closed' THEN 'unresolved' ELSE ended_by END AS ended_as,
       (epoch_us(answered_at) - epoch_us(started_at)) / 1e6 - coalesce(answering, 0) AS first_response_s,
       CASE ended_by WHEN 'resolved' THEN (epoch_us(ended_at) - epoch_us(started_at)) / 1e6 - coalesce(resolving, 0) END AS resolution_s,
       score, coalesce(resolving, 0) AS paused_s, paused_since
  FROM turns JOIN outcome USING (stream_id, turn) JOIN opened USING (stream_id)
  LEFT JOIN waited USING (stream_id, turn) LEFT JOIN score USING (stream_id, cycle)
