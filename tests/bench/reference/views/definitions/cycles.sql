-- Cycles: one row each time a ticket was worked on, from opened or reopened until resolved, closed or merged. All windows
-- go over a ticket's steps in the order in which they happened, which an index has.
WITH step AS (
    SELECT stream_id, occurred_at, version, what, cycle, author, public, row_number() OVER in_order AS n
      FROM ticket_steps
    WINDOW in_order AS (PARTITION BY stream_id ORDER BY occurred_at, version)
), placed AS (
    SELECT *, max(n) FILTER (WHERE what IN ('opened', 'reopened')) OVER so_far AS turn,
           max(n) FILTER (WHERE what IN ('resolved', 'closed', 'merged')) OVER before AS last_end
      FROM step
    WINDOW so_far AS (PARTITION BY stream_id ORDER BY occurred_at, version ROWS UNBOUNDED PRECEDING),
           before AS (PARTITION BY stream_id ORDER BY occurred_at, version ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), during AS MATERIALIZED (
    SELECT stream_id, turn, n, occurred_at, what, cycle, author, public FROM placed
     WHERE turn IS NOT NULL AND (last_end IS NULL OR last_end < turn)
       AND (what IN ('opened', 'reopened', 'resolved', 'closed', 'merged', 'paused', 'resumed')
            OR (what = 'replied' AND public AND author <> 'customer'))
), turns AS (
    SELECT stream_id, turn, coalesce(max(cycle) FILTER (WHERE what = 'reopened'), 1) AS cycle,
           min(occurred_at) FILTER (WHERE what IN ('opened', 'reopened')) AS started_at,
           min(occurred_at) FILTER (WHERE what = 'replied') AS answered_at,
           min(occurred_at) FILTER (WHERE what IN ('resolved', 'closed', 'merged')) AS ended_at,
           max(what) FILTER (WHERE what IN ('resolved', 'closed', 'merged')) AS ended_by,
           bool_or(what = 'paused') AS paused
      FROM during GROUP BY stream_id, turn
), pause AS (
    SELECT stream_id, turn, occurred_at AS began_at, what, before,
           min(occurred_at) FILTER (WHERE what <> 'paused')
               OVER (PARTITION BY stream_id, turn ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS over_at
      FROM (SELECT *, lag(what) OVER (PARTITION BY stream_id, turn ORDER BY n) AS before
              FROM during
             WHERE what IN ('paused', 'resumed', 'resolved', 'closed', 'merged')
               AND stream_id IN (SELECT stream_id FROM ticket_steps WHERE what = 'paused')) mark
), waited AS (
    SELECT p.stream_id, p.turn,
           sum(greatest(extract(epoch FROM least(p.over_at, t.answered_at) - p.began_at), 0)) AS answering,
           sum(extract(epoch FROM p.over_at - p.began_at)) AS resolving,
           max(p.began_at) FILTER (WHERE p.over_at IS NULL) AS paused_since
      FROM pause p JOIN turns t USING (stream_id, turn)
     WHERE p.what = 'paused' AND p.before IS DISTINCT FROM 'paused'
     GROUP BY p.stream_id, p.turn
), score AS (
    SELECT DISTINCT ON (stream_id, cycle) stream_id, cycle, score FROM ticket_steps WHERE what = 'satisfaction_recorded'
     ORDER BY stream_id, cycle, occurred_at DESC, version DESC
)
SELECT t.stream_id AS ticket_id, t.cycle, o.customer_id, o.kind, o.priority, o.channel, o.product, o.category, o.team,
       t.started_at, t.answered_at, t.ended_at, CASE t.ended_by WHEN 'closed' THEN 'unresolved' ELSE t.ended_by END AS ended_as,
       (extract(epoch FROM t.answered_at - t.started_at) - coalesce(w.answering, 0))::float8 AS first_response_s,
       CASE t.ended_by WHEN 'resolved'
            THEN (extract(epoch FROM t.ended_at - t.started_at) - coalesce(w.resolving, 0))::float8 END AS resolution_s,
       s.score, coalesce(w.resolving, 0) AS paused_s, w.paused_since
  FROM turns t
  JOIN (SELECT stream_id, customer_id, kind, priority, channel, product, category, team FROM ticket_steps WHERE what = 'opened') o
       USING (stream_id)
  LEFT JOIN waited w USING (stream_id, turn)
  LEFT JOIN score s USING (stream_id, cycle)
