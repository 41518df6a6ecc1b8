-- Customer distribution: how customers are spread over a dimension, and what they buy.
--
-- Customers   all that are registered and not merged into another one; `active` are those not deactivated.
-- Share       customers / all customers.
-- Buyers      those with a purchase (in the currency, where one is asked for).
-- Net         worth of their purchases, less what came back; empty where it is in more than one currency: ask with
--             `currency`.
-- Dimension   region, industry, size, tier, kind, owner, team or channel, as known now; empty where unknown.
WITH bought AS (
    SELECT customer_id, currency, sum(net) AS net FROM purchases
     WHERE $currency::VARCHAR IS NULL OR currency = $currency GROUP BY ALL
), together AS (
    SELECT customer_id, sum(net) AS net, min(currency) AS first_currency, max(currency) AS last_currency
      FROM bought GROUP BY customer_id
), spread AS (
    SELECT CASE $by WHEN 'region' THEN c.region WHEN 'industry' THEN c.industry WHEN 'size' THEN c.size
                    WHEN 'tier' THEN c.tier WHEN 'kind' THEN c.kind WHEN 'owner' THEN c.owner WHEN 'team' THEN c.team
                    WHEN 'channel' THEN c.channel END AS dimension,
           c.active, t.customer_id AS buyer, t.net, t.first_currency, t.last_currency
      FROM customer_cards c LEFT JOIN together t USING (customer_id)
     WHERE c.merged_into IS NULL AND c.registered_at IS NOT NULL
)
SELECT dimension, count(*) AS customers, count(*) / sum(count(*)) OVER () AS share,
       count(*) FILTER (active) AS active, count(buyer) AS buyers,
       CASE WHEN min(first_currency) = max(last_currency) THEN min(first_currency) END AS currency,
       CASE WHEN min(first_currency) = max(last_currency) THEN sum(net) END AS net
  FROM spread GROUP BY dimension
 ORDER BY customers DESC, dimension
