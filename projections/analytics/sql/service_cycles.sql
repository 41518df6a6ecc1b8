-- Service cycles: one row each time a ticket was worked on, from opened or reopened until resolved, closed or merged.
-- The same figures as domain/service_times.py computes, by the wall clock.
--
-- Events are taken in the order in which they happened (then by version); what happens after a cycle has ended belongs
-- to none. Ended as  resolved; unresolved (closed without a resolution); merged; empty while it runs.
-- First response     seconds from the start to our first public reply, without the pauses between.
-- Resolution         seconds from the start until resolved, without the pauses; empty when it ended otherwise.
-- Score              the customer's last word on this cycle, 1 to 5; empty where it was recorded in error.
-- Kind, priority, channel, product, category, team  as given when the ticket was opened.
WITH asked AS (
    SELECT * EXCLUDE (paused_s, paused_since) FROM cycles
     WHERE ($started_from::DATE IS NULL OR started_at >= $started_from::DATE)
       AND ($started_before::DATE IS NULL OR started_at < $started_before::DATE)
       AND ($kind::VARCHAR IS NULL OR kind = $kind)
       AND ($team::VARCHAR IS NULL OR team = $team)
)
FROM asked ORDER BY started_at, ticket_id, cycle
