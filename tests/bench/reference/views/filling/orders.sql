-- About three orders of each customer, of two lines each, and what became of them: amended, confirmed, cancelled, shipped,
-- delivered, invoiced, paid, returned, refunded, closed, and a few entered in error.
CREATE TEMP MACRO part_of(whole, quantity, ordered) AS (  -- rounded half to even to the cent, as domain/order.py does
    (whole * 100)::BIGINT * quantity // ordered
    + CASE WHEN 2 * ((whole * 100)::BIGINT * quantity % ordered) + (whole * 100)::BIGINT * quantity // ordered % 2 > ordered THEN 1 ELSE 0 END
)::DECIMAL(16,0) * 0.01;
CREATE TEMP TABLE bought AS
WITH bare AS (
    SELECT i * 8 + k AS o, customer, i % 20 = 7 AS abroad,
           began + to_days((k * (hash(i, 11) % 110) + hash(i, k, 12) % 30)::INTEGER)
                 + to_seconds((3600 + hash(i, k, 13) % 36000)::INTEGER) + to_microseconds((hash(i, k, 14) % 1000000)::BIGINT) AS placed_at
      FROM unit, range(5) t(k) WHERE k <= hash(i, 10) % 5
), chosen AS (
    SELECT *, md5('o' || o)::UUID AS id, CASE WHEN abroad THEN 'EUR' ELSE 'CNY' END AS currency,
           'o' || hash(customer, 15) % 40 AS owner, 't' || hash(customer, 15) % 8 AS team,
           CASE WHEN hash(o, 16) % 25 > 0 THEN 'channel ' || hash(o, 16) % 5 END AS source,
           hash(o, 17) % 20 = 0 AS amended, hash(o, 18) % 50 > 0 AS confirmed, hash(o, 19) % 20 = 0 AS cancelled,
           hash(o, 20) % 10 = 0 AS apart, hash(o, 21) % 20 = 0 AS returned, hash(o, 22) % 10 > 0 AS invoiced,
           hash(o, 23) % 10 = 0 AS twice, hash(o, 24) % 20 < 15 AS paid, hash(o, 25) % 10 AS payment,
           hash(o, 26) % 100 = 0 AS refunded, hash(o, 27) % 2 = 0 AS closed, hash(o, 28) % 500 = 0 AS retracted,
           CASE WHEN abroad THEN 0.19 ELSE 0.13 END AS tax_rate,
           (hash(o, 31) % (1 + hash(o, 32) % 500))::INTEGER AS product1, (hash(o, 33) % (1 + hash(o, 34) % 500))::INTEGER AS product2,
           (1 + hash(o, 35) % 10)::INTEGER AS quantity1, (1 + hash(o, 36) % 5)::INTEGER AS quantity2,
           CASE WHEN hash(o, 37) % 3 = 0 THEN (hash(o, 38) % 4)::INTEGER * 0.05 ELSE 0.00 END AS discount
      FROM bare
), priced AS (
    SELECT *, 5 + (hash(product1, 39) % 50000)::INTEGER * 0.01 AS price1, 5 + (hash(product2, 39) % 50000)::INTEGER * 0.01 AS price2,
           CASE WHEN amended THEN quantity2 + 1 ELSE quantity2 END AS agreed2
      FROM chosen
), summed AS (
    SELECT *, (quantity1 * price1 * (1 - discount))::DECIMAL(14,2) AS net1, (quantity2 * price2)::DECIMAL(14,2) AS net2,
           (agreed2 * price2)::DECIMAL(14,2) AS net3
      FROM priced
), taxed AS (
    SELECT *, (net1 * tax_rate)::DECIMAL(14,2) AS tax1, (net2 * tax_rate)::DECIMAL(14,2) AS tax2, (net3 * tax_rate)::DECIMAL(14,2) AS tax3,
           placed_at + to_hours((20 + hash(o, 41) % 80)::INTEGER) AS confirmed_at,
           CASE WHEN hash(o, 42) % 3 = 0 THEN quantity1 ELSE 1 + (quantity1 // 3) END AS back,
           CASE WHEN apart THEN agreed2 // 2 ELSE agreed2 END AS first2
      FROM summed
), worth AS (
    SELECT *, net1 + tax1 AS gross1, net3 + tax3 AS gross2, gross1 + gross2 AS total,
           part_of(gross1, back, quantity1) AS returned_worth, part_of(net1, back, quantity1) AS returned_net,
           part_of(gross2, first2, agreed2) AS first2_worth, part_of(net3, first2, agreed2) AS first2_net,
           CASE WHEN twice THEN round(total * 0.6, 2)::DECIMAL(14,2) ELSE total END AS invoice1,
           confirmed AND NOT cancelled AS served, confirmed AND invoiced AS billed,
           confirmed_at + to_days((30 + hash(o, 43) % 90)::INTEGER) AS closed_at,
           confirmed_at + to_days((5 + hash(o, 44) % 70)::INTEGER) + to_hours(3) AS paid_at
      FROM taxed
)
SELECT *, list_sort(list_filter([
           {{'at': placed_at, what: 'placed', n: 1}},
           CASE WHEN amended THEN {{'at': placed_at + to_hours(3), what: 'amended', n: 1}} END,
           CASE WHEN confirmed THEN {{'at': confirmed_at, what: 'confirmed', n: 1}} END,
           CASE WHEN confirmed AND cancelled THEN {{'at': confirmed_at + to_hours(50), what: 'cancelled', n: 1}} END,
           CASE WHEN served THEN {{'at': confirmed_at + to_hours(30), what: 'shipped', n: 1}} END,
           CASE WHEN served THEN {{'at': confirmed_at + to_hours((70 + hash(o, 45) % 90)::INTEGER), what: 'delivered', n: 1}} END,
           CASE WHEN served AND apart THEN {{'at': confirmed_at + to_hours(300), what: 'shipped', n: 2}} END,
           CASE WHEN served AND apart AND hash(o, 46) % 10 > 0 THEN {{'at': confirmed_at + to_hours(340), what: 'delivered', n: 2}} END,
           CASE WHEN billed THEN {{'at': confirmed_at + to_hours(31), what: 'invoiced', n: 1}} END,
           CASE WHEN billed AND twice AND NOT cancelled THEN {{'at': confirmed_at + to_hours(310), what: 'invoiced', n: 2}} END,
           CASE WHEN billed AND NOT cancelled AND paid THEN {{'at': paid_at, what: 'payment_recorded', n: 1}} END,
           CASE WHEN billed AND NOT cancelled AND paid AND payment = 1 THEN {{'at': paid_at + to_days(9), what: 'payment_recorded', n: 2}} END,
           CASE WHEN billed AND NOT cancelled AND paid AND refunded THEN {{'at': paid_at + to_days(20), what: 'refunded', n: 1}} END,
           CASE WHEN served AND returned THEN {{'at': confirmed_at + to_days(21), what: 'return_requested', n: 1}} END,
           CASE WHEN served AND returned THEN {{'at': confirmed_at + to_days(30) - to_hours(1), what: 'return_received', n: 1}} END,
           CASE WHEN served AND closed THEN {{'at': closed_at, what: 'closed', n: 1}} END
       ], step -> step IS NOT NULL)) AS steps
  FROM worth;

CREATE TEMP VIEW said AS
SELECT * EXCLUDE (steps, step), 'bench' AS tenant, id AS stream_id, epoch_us(step."at") - 1672531200000000 AS position,
       step."at" AS occurred_at, step."at" AS recorded_at, step.what, step.n,
       step."at" >= TIMESTAMPTZ '2023-04-01 00:00:00+00' AS telling  -- what is told since the second version of some events
  FROM (SELECT *, unnest(steps) AS step, generate_subscripts(steps, 1)::INTEGER AS version FROM bought);

INSERT INTO lake.order_steps BY NAME
SELECT tenant, position, stream_id, version, occurred_at, recorded_at, what,
       CASE WHEN what = 'placed' OR (what = 'confirmed' AND telling) THEN customer END AS customer_id,
       CASE WHEN what IN ('placed', 'invoiced') OR (what = 'confirmed' AND telling) THEN currency END AS currency,
       CASE what WHEN 'placed' THEN owner END AS owner,
       CASE what WHEN 'placed' THEN team END AS team,
       CASE WHEN what = 'placed' OR (what = 'confirmed' AND telling) THEN source END AS source,
       CASE WHEN what = 'placed' THEN net1 + net2
            WHEN what = 'amended' OR (what = 'confirmed' AND telling) THEN net1 + net3 END AS net,
       CASE WHEN what = 'placed' THEN net1 + tax1 + net2 + tax2
            WHEN what = 'amended' OR (what = 'confirmed' AND telling) THEN total END AS total,
       CASE what WHEN 'return_received' THEN returned_worth
                 WHEN 'delivered' THEN CASE n WHEN 1 THEN gross1 + first2_worth ELSE gross2 - first2_worth END END AS worth,
       CASE what WHEN 'invoiced' THEN 'INV-' || o || '-' || n END AS invoice_number,
       CASE what WHEN 'invoiced' THEN CASE n WHEN 1 THEN invoice1 ELSE total - invoice1 END END AS amount,
       CASE WHEN what = 'invoiced' AND hash(o, 51) % 50 > 0 THEN occurred_at::DATE + 30 END AS due_on
  FROM said WHERE what IN ('placed', 'amended', 'confirmed', 'cancelled', 'delivered', 'return_received', 'invoiced', 'closed')
 ORDER BY occurred_at;

INSERT INTO lake.order_lines BY NAME
SELECT tenant, position, stream_id, version, occurred_at, recorded_at, what,
       CASE what WHEN 'placed' THEN customer END AS customer_id,
       CASE what WHEN 'placed' THEN currency END AS currency,
       CASE what WHEN 'placed' THEN owner END AS owner,
       CASE what WHEN 'placed' THEN team END AS team,
       CASE what WHEN 'placed' THEN source END AS source,
       line,
       CASE WHEN what IN ('placed', 'amended') THEN 's' || CASE line WHEN 1 THEN product1 ELSE product2 END END AS sku,
       CASE WHEN what IN ('return_requested', 'return_received') THEN back
            WHEN line = 1 THEN quantity1
            WHEN what = 'placed' THEN quantity2
            WHEN what = 'amended' THEN agreed2
            WHEN n = 1 THEN first2
            ELSE agreed2 - first2 END AS quantity,
       CASE WHEN what IN ('placed', 'amended') THEN CASE line WHEN 1 THEN price1 ELSE price2 END END AS unit_price,
       CASE WHEN what IN ('placed', 'amended') THEN CASE line WHEN 1 THEN discount ELSE 0 END END AS discount,
       CASE WHEN what IN ('placed', 'amended') THEN said.tax_rate END AS tax_rate,
       CASE WHEN what IN ('placed', 'amended') THEN CASE WHEN line = 1 THEN net1 WHEN what = 'placed' THEN net2 ELSE net3 END
            WHEN what = 'return_received' AND telling THEN returned_net
            WHEN what = 'delivered' AND telling THEN CASE WHEN line = 1 THEN net1 WHEN n = 1 THEN first2_net ELSE net3 - first2_net END
       END AS net,
       CASE WHEN what IN ('placed', 'amended') THEN CASE WHEN line = 1 THEN tax1 WHEN what = 'placed' THEN tax2 ELSE tax3 END END AS tax
  FROM said, range(1, 3) l(line)
 WHERE what IN ('placed', 'amended')
    OR (what IN ('shipped', 'delivered') AND CASE WHEN line = 2 AND n = 1 THEN first2 > 0 WHEN line = 2 THEN first2 < agreed2 ELSE n = 1 END)
    OR (what IN ('return_requested', 'return_received') AND line = 1)
 ORDER BY occurred_at, line;

INSERT INTO lake.payments BY NAME
SELECT tenant, position, stream_id, version, occurred_at, recorded_at, what,
       CASE WHEN o % 3 = 0 THEN 'card' ELSE 'transfer' END AS method, currency,
       CASE WHEN what = 'refunded' THEN CASE WHEN returned THEN returned_worth ELSE 10 END
            WHEN payment > 1 THEN total
            WHEN n = 1 THEN round(total / 2, 2)
            ELSE total - round(total / 2, 2)::DECIMAL(14,2) END AS amount
  FROM said WHERE what IN ('payment_recorded', 'refunded')
 ORDER BY occurred_at;

INSERT INTO lake.retractions BY NAME
SELECT 'bench' AS tenant, epoch_us(said_at) - 1672531200000000 AS position, id AS stream_id, len(steps) + 1 + n AS version,
       placed_at AS occurred_at, said_at AS recorded_at, CASE n WHEN 0 THEN 'retracted' ELSE 'reinstated' END AS what
  FROM (SELECT *, list_last(steps)."at" + to_days(1 + n::INTEGER) AS said_at
          FROM bought, range(2) t(n) WHERE retracted AND (n = 0 OR hash(o, 52) % 10 = 0))
 ORDER BY said_at;
DROP VIEW said;
DROP TABLE bought;
DROP MACRO part_of;
