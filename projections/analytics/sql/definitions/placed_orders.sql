-- Placed orders: one row an order, with whom it was placed for, when it was first confirmed, and what became of it.
-- `customer_id` is the customer that the one it was placed for belongs to now. Owner, team and channel are as placed.
WITH way AS (
    SELECT stream_id,
           any_value(customer_id) FILTER (what = 'placed') AS placed_for,
           any_value(currency) FILTER (what = 'placed') AS currency,
           any_value(owner) FILTER (what = 'placed') AS owner,
           any_value(team) FILTER (what = 'placed') AS team,
           any_value(source) FILTER (what = 'placed') AS channel,
           arg_max(net, version) FILTER (what IN ('placed', 'amended')) AS net,
           arg_max(total, version) FILTER (what IN ('placed', 'amended')) AS total,
           min(occurred_at) FILTER (what = 'confirmed') AS confirmed_at,
           min(occurred_at) FILTER (what = 'cancelled') AS cancelled_at,
           min(occurred_at) FILTER (what = 'closed') AS closed_at
      FROM order_steps GROUP BY stream_id
)
SELECT way.stream_id, coalesce(s.survivor_id, way.placed_for) AS customer_id, way.currency, way.owner, way.team,
       way.channel, way.net, way.total, way.confirmed_at, way.cancelled_at, way.closed_at
  FROM way LEFT JOIN survivors s ON s.customer_id = way.placed_for
 WHERE way.placed_for IS NOT NULL
