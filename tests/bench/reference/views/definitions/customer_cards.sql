-- Customer cards: one row a customer, with its classes, owner and standing; what was registered, and what is newer.
WITH known AS (
    SELECT stream_id, occurred_at, version, occurred_at AS registered_at, kind, industry, region, size, tier, owner, team,
           source
      FROM customer_steps WHERE what = 'registered'
     UNION ALL
    SELECT DISTINCT ON (s.stream_id) s.stream_id, '-infinity'::timestamptz, 0, NULL::timestamptz, NULL, NULL, NULL, NULL,
           NULL, NULL, NULL, NULL
      FROM customer_steps s
     WHERE s.what <> 'registered'
       AND NOT EXISTS (SELECT FROM customer_steps r WHERE r.stream_id = s.stream_id AND r.what = 'registered')
)
SELECT k.stream_id AS customer_id, k.kind,
       CASE WHEN (i.occurred_at, i.version) > (k.occurred_at, k.version) THEN i.value ELSE k.industry END AS industry,
       CASE WHEN (r.occurred_at, r.version) > (k.occurred_at, k.version) THEN r.value ELSE k.region END AS region,
       CASE WHEN (s.occurred_at, s.version) > (k.occurred_at, k.version) THEN s.value ELSE k.size END AS size,
       CASE WHEN (t.occurred_at, t.version) > (k.occurred_at, k.version) THEN t.value ELSE k.tier END AS tier,
       CASE WHEN (a.occurred_at, a.version) > (k.occurred_at, k.version) THEN a.owner ELSE k.owner END AS owner,
       CASE WHEN (a.occurred_at, a.version) > (k.occurred_at, k.version) THEN a.team ELSE k.team END AS team,
       k.source AS channel, p.parent_id, k.registered_at, v.checked_at,
       coalesce(d.what <> 'deactivated', true) AS active, m.into_id AS merged_into
  FROM known k
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, value FROM customer_steps
              WHERE dimension = 'industry' ORDER BY stream_id, occurred_at DESC, version DESC) i USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, value FROM customer_steps
              WHERE dimension = 'region' ORDER BY stream_id, occurred_at DESC, version DESC) r USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, value FROM customer_steps
              WHERE dimension = 'size' ORDER BY stream_id, occurred_at DESC, version DESC) s USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, value FROM customer_steps
              WHERE dimension = 'tier' ORDER BY stream_id, occurred_at DESC, version DESC) t USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, occurred_at, version, owner, team FROM customer_steps
              WHERE what = 'assigned' ORDER BY stream_id, occurred_at DESC, version DESC) a USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, parent_id FROM customer_steps
              WHERE what = 'parent_set' ORDER BY stream_id, occurred_at DESC, version DESC) p USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, CASE what WHEN 'verified' THEN occurred_at ELSE verified_at END AS checked_at
               FROM customer_steps WHERE what IN ('verified', 'verification_corrected')
              ORDER BY stream_id, occurred_at DESC, version DESC) v USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, what FROM customer_steps
              WHERE what IN ('deactivated', 'reactivated') ORDER BY stream_id, version DESC) d USING (stream_id)
  LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id, into_id FROM customer_steps
              WHERE what IN ('merged_into', 'unmerged') ORDER BY stream_id, version DESC) m USING (stream_id)
