-- Sales trend: how sales go from one period (UTC) to the next, by currency; nothing is converted. All amounts but those
-- won are net: after discount, before tax.
--
-- Measure       won: what the opportunities closed as won in the period are worth, as they stand.
--               booked: the worth of the orders first confirmed in it, those cancelled since too, as in revenue.
--               revenue: the worth of what was delivered in it less what came back in it, as in revenue.
-- Periods       from the first to the last one in which anything of a currency was won, booked, delivered or came back;
--               those between in which nothing was are there with 0. The one under way counts what it has so far.
-- Change        value less that of the period before; year change: less that of the same period a year before. Empty where
--               that lies before the first period. Their shares are of that value, empty where it is 0.
-- Moving average  mean of the value and those of the two periods before; empty in the first two.
-- Which periods are asked for changes none of these: they are worked out over all periods there are.
WITH happened AS (
    SELECT closed_on AS day, currency, 'won' AS measure, amount FROM deals WHERE stage_type = 'won' AND amount IS NOT NULL
     UNION ALL
    SELECT make_timestamp(epoch_us(confirmed_at))::DATE, currency, 'booked', net FROM confirmed_orders
     UNION ALL
    SELECT make_timestamp(epoch_us(m.moved_at))::DATE, p.currency, 'revenue',
           CASE m.what WHEN 'delivered' THEN m.net ELSE -m.net END
      FROM goods_moved m JOIN order_steps p USING (stream_id) WHERE p.what = 'placed'
), summed AS (
    SELECT date_trunc($period, day)::DATE AS period, currency, measure, sum(amount) AS value
      FROM happened WHERE $currency::VARCHAR IS NULL OR currency = $currency GROUP BY ALL
), every_period AS (
    SELECT currency, unnest(generate_series(min(period), max(period), CASE $period WHEN 'month' THEN INTERVAL 1 MONTH
                                WHEN 'quarter' THEN INTERVAL 3 MONTH ELSE INTERVAL 1 YEAR END))::DATE AS period
      FROM summed GROUP BY currency
), filled AS (
    SELECT e.period, e.currency, m.measure, coalesce(s.value, 0) AS value
      FROM every_period e CROSS JOIN (VALUES ('won'), ('booked'), ('revenue')) m(measure)
      LEFT JOIN summed s ON s.period = e.period AND s.currency = e.currency AND s.measure = m.measure
), compared AS (
    SELECT *, lag(value) OVER in_time AS last_value,
           lag(value, CASE $period WHEN 'month' THEN 12 WHEN 'quarter' THEN 4 ELSE 1 END) OVER in_time AS year_value,
           sum(value) OVER (in_time ROWS 2 PRECEDING) AS of_three, row_number() OVER in_time AS n
      FROM filled WINDOW in_time AS (PARTITION BY currency, measure ORDER BY period)
)
SELECT period, currency, measure, value,
       value - last_value AS change, (value - last_value)::DOUBLE / nullif(last_value, 0) AS change_share,
       value - year_value AS year_change, (value - year_value)::DOUBLE / nullif(year_value, 0) AS year_change_share,
       CASE WHEN n > 2 THEN of_three::DOUBLE / 3 END AS moving_average
  FROM compared
 WHERE ($period_from::DATE IS NULL OR period >= $period_from::DATE)
   AND ($period_before::DATE IS NULL OR period < $period_before::DATE)
 ORDER BY period, currency, measure
