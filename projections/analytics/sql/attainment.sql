-- Attainment: what was won in a period beside what was to be won in it, target by target.
--
-- Target      as last set by the moment asked for, and not withdrawn: an owner's, a team's, an owner's for a team, or,
--             with neither, everybody's.
-- Won         the worth of the opportunities won on a day of the period, in the target's currency, whose owner and team
--             are called exactly as the target says, if it says so; `deals` is how many. Of a larger team only its own.
-- Attainment  won / target; empty where the target is 0.
-- Elapsed     which part of the period's days is over at the end of the day asked for.
WITH target AS (
    SELECT stream_id, any_value(owner) AS owner, any_value(team) AS team, any_value(period) AS period,
           any_value("first") AS first_day, any_value("before") AS day_after, any_value(currency) AS currency,
           arg_max_null(amount, epoch_us(occurred_at)::HUGEINT * 2147483648 + version) AS amount
      FROM targets GROUP BY stream_id
), asked AS (
    SELECT * FROM target
     WHERE amount IS NOT NULL AND ($period::VARCHAR IS NULL OR period = $period)
       AND ($owner::VARCHAR IS NULL OR owner = $owner) AND ($team::VARCHAR IS NULL OR team = $team)
       AND ($currency::VARCHAR IS NULL OR currency = $currency)
), won AS (  -- periods are made of whole months
    SELECT owner, team, currency, date_trunc('month', closed_on)::DATE AS month, count(*) AS deals, sum(amount) AS amount
      FROM deals WHERE stage_type = 'won' AND amount IS NOT NULL GROUP BY ALL
), reached AS (
    SELECT t.stream_id, coalesce(sum(w.deals), 0)::BIGINT AS deals, coalesce(sum(w.amount), 0) AS won
      FROM asked t LEFT JOIN won w ON w.currency = t.currency AND w.month >= t.first_day AND w.month < t.day_after
                                  AND (t.owner IS NULL OR w.owner = t.owner) AND (t.team IS NULL OR w.team = t.team)
     GROUP BY t.stream_id
)
SELECT t.period, t.first_day AS "first", t.day_after AS "before", t.owner, t.team,
       coalesce(nullif(concat_ws(', ', t.owner, t.team), ''), 'everybody') AS whose, t.currency, t.amount AS target, r.won, r.deals,
       r.won::DOUBLE / nullif(t.amount, 0) AS attainment,
       greatest(0, least(1, ($day::DATE - t.first_day + 1) / (t.day_after - t.first_day))) AS elapsed
  FROM asked t JOIN reached r USING (stream_id)
 ORDER BY t.first_day DESC, t.period, t.owner NULLS FIRST, t.team NULLS FIRST, t.currency
