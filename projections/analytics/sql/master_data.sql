-- Master data: how complete what is known of customers is, field by field, for persons and organisations apart. Nothing
-- personal is in the lakehouse, so names and addresses are not among the fields.
--
-- Customers   all that are registered, neither merged into another one nor deactivated.
-- Filled      those with a value in the field. `verified`: checked within so many days before the moment asked for.
-- Share       filled / customers.
WITH counted AS (
    SELECT kind, count(*) AS customers, count(industry) AS industry, count(region) AS region, count(size) AS size,
           count(tier) AS tier, count(owner) AS owner, count(team) AS team, count(channel) AS channel,
           count(*) FILTER (checked_at >= $moment::TIMESTAMPTZ - to_days($fresh_days::INTEGER)) AS verified
      FROM customer_cards WHERE merged_into IS NULL AND active AND registered_at IS NOT NULL GROUP BY kind
)
SELECT field, kind, customers, filled, filled / customers AS share
  FROM counted UNPIVOT (filled FOR field IN (industry, region, size, tier, owner, team, channel, verified))
 ORDER BY field, kind
