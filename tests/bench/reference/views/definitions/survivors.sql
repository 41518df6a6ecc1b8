-- Survivors: each customer that is merged, and the one it belongs to now, however many merges away.
WITH RECURSIVE merged AS (
    SELECT stream_id, into_id FROM (
        SELECT DISTINCT ON (stream_id) stream_id, into_id FROM customer_steps
         WHERE what IN ('merged_into', 'unmerged') ORDER BY stream_id, version DESC) last_word
     WHERE into_id IS NOT NULL
), chain AS (
    SELECT stream_id AS customer_id, into_id AS survivor_id FROM merged
     UNION ALL
    SELECT c.customer_id, m.into_id FROM chain c JOIN merged m ON m.stream_id = c.survivor_id
)
SELECT DISTINCT ON (customer_id) customer_id, survivor_id FROM chain
 WHERE NOT EXISTS (SELECT FROM merged WHERE merged.stream_id = chain.survivor_id) ORDER BY customer_id
