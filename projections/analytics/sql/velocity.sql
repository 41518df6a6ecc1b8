-- Pipeline velocity: opportunities * mean value * win rate / cycle days, in the row's currency a day.
--
-- All are opportunities with an amount in the row's currency.
-- Opportunities  those open at the moment asked for.
-- Mean value     of those won in the days asked for (all that were won so far, else).
-- Win rate       won / (won + lost), of those closed in these days.
-- Cycle days     mean days from opened to won, of those won in these days.
-- Empty where nothing was won in these days: then nothing can be said.
WITH counted AS (
    SELECT *, CASE $by::VARCHAR WHEN 'owner' THEN owner WHEN 'team' THEN team WHEN 'channel' THEN channel
                                WHEN 'region' THEN region END AS dimension,
           stage_type <> 'open' AND ($closed_from::DATE IS NULL OR closed_on >= $closed_from::DATE)
                                AND ($closed_before::DATE IS NULL OR closed_on < $closed_before::DATE) AS decided
      FROM deals WHERE currency IS NOT NULL
), summed AS (
    SELECT currency, dimension,
           count(*) FILTER (stage_type = 'open' AND amount IS NOT NULL) AS opportunities,
           avg(amount) FILTER (decided AND stage_type = 'won') AS mean_value,
           count(*) FILTER (decided AND stage_type = 'won') / nullif(count(*) FILTER (decided), 0) AS win_rate,
           avg(epoch_us(moved_at) - epoch_us(opened_at)) FILTER (decided AND stage_type = 'won') / 86400e6 AS cycle_days
      FROM counted GROUP BY ALL
)
SELECT currency, dimension, opportunities, mean_value, win_rate, cycle_days,
       opportunities * mean_value * win_rate / nullif(cycle_days, 0) AS velocity
  FROM summed
 ORDER BY currency, dimension
