-- Next best actions: which rule says what to do for a customer now, with the event that it rests on, which is looked up
-- for what is said alone.
WITH purchase AS MATERIALIZED (
    SELECT stream_id, customer_id, bought_on, confirmed_at FROM purchases
), bought AS (
    SELECT customer_id, min(bought_on) AS first, max(bought_on) AS last, count(*) AS days
      FROM (SELECT DISTINCT customer_id, bought_on FROM purchase) a_day GROUP BY customer_id
), due AS (
    SELECT customer_id, last, CASE WHEN days = 1 THEN 'second-purchase' ELSE 'win-back' END AS rule
      FROM bought
     WHERE (days >= 3 AND %(day)s::date - last > greatest(30, 3 * (last - first) / (days - 1)::float8))
        OR (days = 1 AND %(day)s::date - last BETWEEN 14 AND 60)
), resting AS (
    SELECT DISTINCT ON (customer_id) d.rule, customer_id, p.stream_id, p.confirmed_at
      FROM due d JOIN purchase p USING (customer_id)
     WHERE p.bought_on = d.last ORDER BY customer_id, p.confirmed_at DESC, p.stream_id DESC
), open_ticket AS (
    SELECT stream_id FROM ticket_steps WHERE what IN ('opened', 'reopened', 'resolved', 'closed', 'merged')
     GROUP BY stream_id
    HAVING max(version) FILTER (WHERE what IN ('opened', 'reopened'))
         > coalesce(max(version) FILTER (WHERE what IN ('resolved', 'closed', 'merged')), 0)
), complaint AS MATERIALIZED (
    SELECT coalesce(s.survivor_id, t.customer_id) AS customer_id, t.stream_id AS about, t.version
      FROM ticket_steps t JOIN open_ticket USING (stream_id) LEFT JOIN survivors s ON s.customer_id = t.customer_id
     WHERE t.what = 'opened' AND t.kind = 'complaint' AND t.customer_id IS NOT NULL
), given_up AS (
    SELECT stream_id AS customer_id
      FROM (SELECT DISTINCT ON (stream_id) stream_id, what FROM customer_steps
             WHERE what IN ('deactivated', 'reactivated') ORDER BY stream_id, version DESC) last
     WHERE what = 'deactivated'
), moved AS (
    SELECT stream_id, max(version) AS version FROM stage_moves GROUP BY stream_id
    HAVING %(day)s::date - (max(occurred_at) AT TIME ZONE 'UTC')::date > 30
), standing AS MATERIALIZED (
    SELECT m.stream_id AS about, m.version, t.customer_id
      FROM moved m
      JOIN stage_moves l ON l.stream_id = m.stream_id AND l.version = m.version
     CROSS JOIN LATERAL (SELECT customer_id FROM opportunity_terms
                          WHERE stream_id = m.stream_id AND what IN ('opened', 'customer_linked')
                          ORDER BY occurred_at DESC, version DESC LIMIT 1) t
     WHERE l.stage_type = 'open' AND t.customer_id IS NOT NULL
       AND EXISTS (SELECT FROM stage_moves o WHERE o.stream_id = m.stream_id AND o.what = 'opened')
), stalled AS (
    SELECT coalesce(s.survivor_id, t.customer_id) AS customer_id, t.about, t.version
      FROM standing t LEFT JOIN survivors s ON s.customer_id = t.customer_id
), said AS (
    SELECT r.rule, r.customer_id, r.customer_id AS about, e.event_id AS evidence
      FROM resting r
      JOIN events e ON e.stream_id = r.stream_id AND e.occurred_at = r.confirmed_at AND e.type = 'order.confirmed'
     UNION ALL
    SELECT 'revive-deal', s.customer_id, s.about, e.event_id
      FROM stalled s JOIN events e ON e.stream_id = s.about AND e.version = s.version
)
SELECT rule COLLATE "C" AS rule, customer_id, about, evidence
  FROM said WHERE NOT EXISTS (SELECT FROM complaint c WHERE c.customer_id = said.customer_id)
                   AND NOT EXISTS (SELECT FROM given_up g WHERE g.customer_id = said.customer_id)
 UNION ALL
SELECT 'settle-first', c.customer_id, c.about, e.event_id
  FROM complaint c JOIN events e ON e.stream_id = c.about AND e.version = c.version
 ORDER BY rule, customer_id, about
