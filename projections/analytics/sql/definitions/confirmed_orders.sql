-- Confirmed orders: what was agreed with whom, and when; cancelled ones, too. `placed_for` is the customer of the order as
-- placed, the channel that of the order as placed, `net` the worth of its lines after discount and before tax.
-- (Confirmations say so themselves. Of those recorded before they did it is put together from the order's steps.)
WITH untold AS (
    SELECT stream_id FROM order_steps WHERE what = 'confirmed' AND customer_id IS NULL
)
SELECT stream_id, customer_id AS placed_for, currency, source AS channel, net, occurred_at AS confirmed_at
  FROM order_steps WHERE what = 'confirmed' AND customer_id IS NOT NULL
 UNION ALL
SELECT stream_id, any_value(customer_id) FILTER (what = 'placed'), any_value(currency) FILTER (what = 'placed'),
       any_value(source) FILTER (what = 'placed'), arg_max(net, version) FILTER (what IN ('placed', 'amended')),
       min(occurred_at) FILTER (what = 'confirmed')
  FROM order_steps SEMI JOIN untold USING (stream_id) GROUP BY stream_id
