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
-- While a complaint is open, or once it is deactivated, no rule but the first speaks for a customer.
WITH bought AS (
    SELECT customer_id, min(bought_on) AS first, max(bought_on) AS last, count(DISTINCT bought_on) AS days
      FROM purchases GROUP BY customer_id
), due AS (
    SELECT customer_id, last, CASE days WHEN 1 THEN 'second-purchase' ELSE 'win-back' END AS rule FROM bought
     WHERE (days >= 3 AND $day::DATE - last > greatest(30, 3 * (last - first) / (days - 1)))
        OR (days = 1 AND $day::DATE - last BETWEEN 14 AND 60)
), resting AS (
    SELECT d.rule, d.customer_id, p.stream_id, p.confirmed_at
      FROM due d JOIN purchases p ON p.customer_id = d.customer_id AND p.bought_on = d.last
   QUALIFY row_number() OVER (PARTITION BY d.customer_id ORDER BY p.confirmed_at DESC, p.stream_id DESC) = 1
), complaint AS (
    SELECT coalesce(s.survivor_id, t.customer_id) AS customer_id, t.stream_id AS about, t.version
      FROM ticket_steps t LEFT JOIN survivors s ON s.customer_id = t.customer_id
      JOIN (SELECT stream_id, arg_max(what, version) AS last FROM ticket_steps
             WHERE what IN ('opened', 'reopened', 'resolved', 'closed', 'merged') GROUP BY stream_id) now
           ON now.stream_id = t.stream_id
     WHERE t.what = 'opened' AND t.kind = 'complaint' AND t.customer_id IS NOT NULL AND now.last IN ('opened', 'reopened')
), given_up AS (
    SELECT stream_id AS customer_id FROM customer_steps WHERE what IN ('deactivated', 'reactivated')
     GROUP BY stream_id HAVING arg_max(what, version) = 'deactivated'
), left_alone AS (
    SELECT customer_id FROM complaint UNION ALL FROM given_up
), stalled AS (
    SELECT d.customer_id, d.stream_id, m.version
      FROM deals d JOIN (SELECT stream_id, max(version) AS version FROM stage_moves GROUP BY stream_id) m USING (stream_id)
     WHERE d.stage_type = 'open' AND d.customer_id IS NOT NULL AND $day::DATE - d.moved_at::DATE > 30
), said AS (
    SELECT rule, customer_id, customer_id AS about, stream_id, 'order.confirmed' AS type, confirmed_at AS moment,
           NULL::INTEGER AS version
      FROM resting ANTI JOIN left_alone USING (customer_id)
     UNION ALL
    SELECT 'revive-deal', customer_id, stream_id, stream_id, NULL, NULL, version
      FROM stalled ANTI JOIN left_alone USING (customer_id)
     UNION ALL
    SELECT 'settle-first', customer_id, about, about, NULL, NULL, version FROM complaint
)
SELECT s.rule, s.customer_id, s.about, e.event_id AS evidence
  FROM said s JOIN events e USING (stream_id)
 WHERE CASE WHEN s.version IS NULL THEN e.type = s.type AND e.occurred_at = s.moment ELSE e.version = s.version END
 ORDER BY s.rule, s.customer_id, s.about
