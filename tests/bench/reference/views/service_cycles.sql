-- Service cycles: one row each time a ticket was worked on.
WITH asked AS (
    SELECT ticket_id, cycle, customer_id, kind, priority, channel, product, category, team, started_at, ended_at, ended_as,
           first_response_s, resolution_s, score
      FROM cycles
)
SELECT * FROM asked ORDER BY started_at, ticket_id, cycle
