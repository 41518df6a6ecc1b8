, summed AS (SELECT currency, customer_id, count(*) AS orders, sum(net) AS net FROM purchases GROUP BY 1, 2),
placed AS (SELECT *, row_number() OVER (PARTITION BY currency ORDER BY net DESC, customer_id) AS place FROM summed)
SELECT place, customer_id::text, orders, net FROM placed WHERE place <= 100
