-- Next best actions: which rule says what to do for a customer now, as of the end of a day (UTC), with the event that it
-- rests on. One row a rule and customer (and opportunity or ticket, `about`).
--
-- settle-first    A complaint of the customer is open: settle it before anything is sold. Rests on its opening.
-- win-back        The customer bought on 3 days or more, and has been silent for more than 3 times the mean gap between
--                 two purchases (and 30 days at the least): ask after it. Rests on the confirmation of its last purchase.
-- second-purchase The customer bought for the first time 14 to 60 days ago and not since: offer what goes with it. Rests
--                 on the confirmation of that purchase.
-- revive-deal     An open opportunity has been in its stage for more than 30 days: call, or give it up. Rests on the move
--                 into that stage.
-- While a complaint is open, no rule but the first speaks for that customer.
WITH confirmed AS (
    SELECT p.customer_id, p.bought_on AS day, e.event_id
      FROM purchases p JOIN events e ON e.stream_id = p.stream_id AND e.occurred_at = p.confirmed_at
     WHERE e.type = 'order.confirmed'
), complaint AS (
    SELECT coalesce(s.survivor_id, t.customer_id) AS customer_id, t.stream_id AS about, e.event_id
      FROM ticket_steps t LEFT JOIN survivors s ON s.customer_id = t.customer_id
      JOIN events e ON e.stream_id = t.stream_id AND e.version = t.version
      JOIN (SELECT stream_id, arg_max(what, version) AS last FROM ticket_steps
             WHERE what IN ('opened', 'reopened', 'resolved', 'closed', 'merged') GROUP BY stream_id) now
           ON now.stream_id = t.stream_id
     WHERE t.what = 'opened' AND t.kind = 'complaint' AND t.customer_id IS NOT NULL AND now.last IN ('opened', 'reopened')
), bought AS (
    SELECT customer_id, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days, arg_max(event_id, day) AS event_id
      FROM confirmed GROUP BY customer_id
), stalled AS (
    SELECT d.customer_id, d.stream_id AS about, e.event_id
      FROM deals d
      JOIN (SELECT stream_id, max(version) AS version FROM stage_moves GROUP BY stream_id) m USING (stream_id)
      JOIN events e ON e.stream_id = m.stream_id AND e.version = m.version
     WHERE d.stage_type = 'open' AND d.customer_id IS NOT NULL AND $day::DATE - d.moved_at::DATE > 30
), said AS (
    SELECT 'win-back' AS rule, customer_id, customer_id AS about, event_id AS evidence FROM bought
     WHERE days >= 3 AND $day::DATE - last > greatest(30, 3 * (last - first) / (days - 1))
     UNION ALL
    SELECT 'second-purchase', customer_id, customer_id, event_id FROM bought
     WHERE days = 1 AND $day::DATE - last BETWEEN 14 AND 60
     UNION ALL
    SELECT 'revive-deal', customer_id, about, event_id FROM stalled
)
SELECT 'settle-first' AS rule, customer_id, about, event_id AS evidence FROM complaint
 UNION ALL
SELECT * FROM said ANTI JOIN complaint USING (customer_id)
 ORDER BY rule, customer_id, about
