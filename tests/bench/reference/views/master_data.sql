-- Master data: how complete what is known of customers is, field by field, for persons and organisations apart.
WITH counted AS (
    SELECT kind COLLATE "C" AS kind, count(*) AS customers, count(industry) AS industry, count(region) AS region,
           count(size) AS size, count(tier) AS tier, count(owner) AS owner, count(team) AS team, count(channel) AS channel,
           count(*) FILTER (WHERE checked_at >= %(moment)s - make_interval(days => %(fresh_days)s)) AS verified
      FROM customer_cards WHERE merged_into IS NULL AND active AND registered_at IS NOT NULL GROUP BY 1
)
SELECT field, kind, customers, filled, filled / customers::float8 AS share
  FROM counted CROSS JOIN LATERAL (VALUES
      ('industry', industry), ('region', region), ('size', size), ('tier', tier), ('owner', owner), ('team', team),
      ('channel', channel), ('verified', verified)) f(field, filled)
 ORDER BY field COLLATE "C", kind
