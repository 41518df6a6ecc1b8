-- Attainment: what was won in the days of each target by whom it is for, and which part of it that is.
WITH target AS (
    SELECT DISTINCT ON (stream_id) stream_id, owner, team, period, first, before, currency, amount
      FROM targets ORDER BY stream_id, occurred_at DESC, version DESC
), won AS (
    SELECT owner, team, currency, closed_on, count(*) AS deals, sum(amount) AS amount
      FROM deals WHERE stage_type = 'won' AND amount IS NOT NULL GROUP BY 1, 2, 3, 4
), reached AS (
    SELECT t.stream_id, coalesce(sum(w.deals), 0) AS deals, coalesce(sum(w.amount), 0) AS won
      FROM target t LEFT JOIN won w ON w.currency = t.currency AND w.closed_on >= t.first AND w.closed_on < t.before
                                   AND (t.owner IS NULL OR w.owner = t.owner) AND (t.team IS NULL OR w.team = t.team)
     GROUP BY 1
)
SELECT period, first, before, owner, team, coalesce(owner, team, 'everybody') AS whose, currency, amount AS target, won, deals,
       won::float8 / nullif(amount, 0)::float8 AS attainment, least(1, (%(day)s::date - first + 1) / (before - first)::float8) AS elapsed
  FROM target JOIN reached USING (stream_id)
 ORDER BY first DESC, period, owner COLLATE "C" NULLS FIRST, team COLLATE "C" NULLS FIRST, currency
