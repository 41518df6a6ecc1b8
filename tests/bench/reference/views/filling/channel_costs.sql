-- What each channel costs in each month; some of it is recorded anew.
INSERT INTO lake.channel_costs BY NAME
WITH said AS (
    SELECT 'channel ' || n AS channel, month::DATE AS month, md5('cost' || n || month)::UUID AS stream_id
      FROM range(5) t(n), range(TIMESTAMP '2023-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 MONTH) m(month)
)
SELECT 'bench' AS tenant, row_number() OVER (ORDER BY month, stream_id, version) AS position, stream_id, version,
       month + to_days((version * 20)::INTEGER) AS occurred_at, occurred_at AS recorded_at, 'recorded' AS what, channel, month,
       (1000 + hash(stream_id, version) % 9000)::DECIMAL(18,4) AS amount, 'CNY' AS currency
  FROM said, range(1, 3) t(version) WHERE version = 1 OR hash(stream_id) % 3 = 0
 ORDER BY position;
