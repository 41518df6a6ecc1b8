-- Top customers: who bought for most in the days asked for, by currency; what was merged counts as its survivor's.
--
-- Net         the worth of the purchases, less what came back.
-- Share       net / the net of all customers in this currency; cumulative: of all down to this place. Empty when that is 0.
-- Place       by net, then by customer id.
WITH summed AS (
    SELECT currency, customer_id, count(*) AS orders, sum(net) AS net, max(bought_on) AS last_purchase
      FROM purchases
     WHERE ($currency::VARCHAR IS NULL OR currency = $currency)
       AND ($bought_from::DATE IS NULL OR bought_on >= $bought_from::DATE)
       AND ($bought_before::DATE IS NULL OR bought_on < $bought_before::DATE)
     GROUP BY currency, customer_id
)
SELECT currency, row_number() OVER best_first AS place, customer_id, orders, net,
       net::DOUBLE / nullif(sum(net) OVER (PARTITION BY currency), 0) AS share,
       (sum(net) OVER best_first)::DOUBLE / nullif(sum(net) OVER (PARTITION BY currency), 0) AS cumulative_share,
       last_purchase
  FROM summed
WINDOW best_first AS (PARTITION BY currency ORDER BY net DESC, customer_id ROWS UNBOUNDED PRECEDING)
QUALIFY place <= $most
 ORDER BY currency, place
