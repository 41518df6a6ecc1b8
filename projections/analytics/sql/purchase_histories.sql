-- Purchase histories: when and for how much each customer bought, as of the end of a day (UTC): what customer value and
-- churn are worked out from. One row a customer with a purchase.
--
-- Purchase    an order that was confirmed by that day and is not cancelled, on the day of its first confirmation. All
--             orders of a day are one purchase. An order that cost nothing is one, too.
-- Repeats     number of purchases after the first (x).   last_days  days from the first to the last one (t_x).
-- age_days    days from the first one to the day asked for (T).
-- Value       net worth of the orders (after discount, before tax) less the net worth of what was returned, in the
--             currency asked for, by the rates given: so much of it for one of the other. When none is asked for, in the
--             one currency of all purchases. A currency without a rate is never left out of a sum: `value` and all that
--             rests on it are empty for a customer who bought in it, and `without_rate` names it.
-- mean_value  mean value of the purchases after the first.   first_value, last_value  those of the first and last one.
-- Gaps        days between one purchase and the next: mean, standard deviation (of the population), the last one.
-- recent_n    number of purchases within the last n days.
-- What was merged into a customer counts as its own.
WITH bought AS (
    SELECT customer_id, currency, bought_on AS day, net FROM purchases WHERE bought_on <= $day::DATE
), rate AS (
    SELECT r.currency, r.rate FROM (SELECT unnest($rates) AS r)
), wanted AS (
    SELECT coalesce($currency::VARCHAR, CASE WHEN count(DISTINCT currency) = 1 THEN any_value(currency) END) AS currency FROM bought
), purchase AS (
    SELECT b.customer_id, b.day,
           CASE WHEN count(factor) = count(*) THEN sum(b.net::DOUBLE * factor) END AS value,
           list(DISTINCT b.currency) FILTER (factor IS NULL) AS without_rate
      FROM (SELECT bought.*, CASE WHEN bought.currency = wanted.currency THEN 1.0
                                  WHEN wanted.currency IS NOT NULL THEN rate.rate END::DOUBLE AS factor
              FROM bought CROSS JOIN wanted LEFT JOIN rate ON rate.currency = bought.currency) b
     GROUP BY b.customer_id, b.day
), numbered AS (
    SELECT *, row_number() OVER in_time AS number, day - lag(day) OVER in_time AS gap
      FROM purchase WINDOW in_time AS (PARTITION BY customer_id ORDER BY day)
)
SELECT customer_id, min(day) AS first_purchase, max(day) AS last_purchase,
       count(*) - 1 AS repeats, max(day) - min(day) AS last_days, $day::DATE - min(day) AS age_days,
       (SELECT currency FROM wanted) AS currency,
       CASE WHEN count(value) = count(*) THEN sum(value) END AS value,
       CASE WHEN count(value) = count(*) THEN avg(value) FILTER (number > 1) END AS mean_value,
       CASE WHEN count(value) = count(*) THEN arg_min(value, day) END AS first_value,
       CASE WHEN count(value) = count(*) THEN arg_max(value, day) END AS last_value,
       avg(gap) AS gap_mean, stddev_pop(gap) AS gap_deviation, arg_max(gap, day) AS last_gap,
       count(*) FILTER (day > $day::DATE - 30) AS recent_30,
       count(*) FILTER (day > $day::DATE - 90) AS recent_90,
       count(*) FILTER (day > $day::DATE - 180) AS recent_180,
       coalesce(list_sort(list_distinct(flatten(list(without_rate) FILTER (without_rate IS NOT NULL)))), []) AS without_rate
  FROM numbered
 GROUP BY customer_id
 ORDER BY customer_id
