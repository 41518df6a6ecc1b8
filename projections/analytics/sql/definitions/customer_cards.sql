-- Customer cards: one row a customer, with its classes, owner and standing. What became known of an earlier day does not
-- displace what was known of a later one. What was put right counts from the day of the error on. What a customer took
-- over in a merge is not here: classes are those given to it by its own name.
WITH step AS (
    SELECT *, epoch_us(occurred_at)::HUGEINT * 2147483648 + version AS turn FROM customer_steps
)
SELECT stream_id AS customer_id,
       any_value(kind) FILTER (what = 'registered') AS kind,
       arg_max_null(coalesce(industry, value), turn) FILTER (what = 'registered' OR dimension = 'industry') AS industry,
       arg_max_null(coalesce(region, value), turn) FILTER (what = 'registered' OR dimension = 'region') AS region,
       arg_max_null(coalesce(size, value), turn) FILTER (what = 'registered' OR dimension = 'size') AS size,
       arg_max_null(coalesce(tier, value), turn) FILTER (what = 'registered' OR dimension = 'tier') AS tier,
       arg_max_null(owner, turn) FILTER (what IN ('registered', 'assigned')) AS owner,
       arg_max_null(team, turn) FILTER (what IN ('registered', 'assigned')) AS team,
       any_value(source) FILTER (what = 'registered') AS channel,
       arg_max_null(parent_id, turn) FILTER (what = 'parent_set') AS parent_id,
       min(occurred_at) FILTER (what = 'registered') AS registered_at,
       arg_max_null(CASE what WHEN 'verified' THEN occurred_at ELSE verified_at END, turn)
           FILTER (what IN ('verified', 'verification_corrected')) AS checked_at,
       coalesce(arg_max(what, version) FILTER (what IN ('deactivated', 'reactivated')) <> 'deactivated', true) AS active,
       arg_max_null(into_id, version) FILTER (what IN ('merged_into', 'unmerged')) AS merged_into
  FROM step GROUP BY stream_id
