-- Survivors: each customer that is merged, and the one it belongs to now, however many merges away. Who is not merged is
-- not here.
WITH RECURSIVE last_word AS (
    SELECT stream_id, arg_max_null(into_id, version) AS into_id
      FROM customer_steps WHERE what IN ('merged_into', 'unmerged') GROUP BY stream_id
), merged AS (
    SELECT stream_id, into_id FROM last_word WHERE into_id IS NOT NULL
), chain AS (
    SELECT stream_id AS customer_id, into_id AS survivor_id FROM merged
     UNION ALL
    SELECT c.customer_id, m.into_id FROM chain c JOIN merged m ON m.stream_id = c.survivor_id
)
SELECT customer_id, survivor_id FROM chain ANTI JOIN merged ON merged.stream_id = chain.survivor_id
