-- About a ticket of each customer: opened, answered, sometimes put on hold, resolved, rated, reopened, merged, closed, and a
-- few entered in error.
CREATE TEMP TABLE concern AS
WITH bare AS (
    SELECT i * 4 + k AS t, customer,
           began + to_days((hash(i, k, 61) % 300)::INTEGER) + to_seconds((hash(i, k, 62) % 86400)::INTEGER)
                 + to_microseconds((hash(i, k, 63) % 1000000)::BIGINT) AS opened_at
      FROM unit, range(2) n(k) WHERE k < hash(i, 60) % 3
), chosen AS (
    SELECT *, md5('t' || t)::UUID AS id, CASE WHEN hash(t, 64) % 30 > 0 THEN customer END AS customer_id,
           ['complaint', 'question', 'question', 'repair', 'fault'][1 + (hash(t, 65) % 5)::INTEGER] AS kind,
           ['low', 'normal', 'normal', 'normal', 'high', 'urgent'][1 + (hash(t, 66) % 6)::INTEGER] AS priority,
           ['email', 'phone', 'chat', 'web'][1 + (hash(t, 67) % 4)::INTEGER] AS channel,
           CASE WHEN hash(t, 68) % 4 > 0 THEN 's' || hash(t, 69) % 500 END AS product, 'category ' || hash(t, 70) % 12 AS category,
           'a' || hash(t, 71) % 30 AS owner, 't' || hash(t, 71) % 6 AS team, 'channel ' || hash(t, 72) % 5 AS source,
           hash(t, 73) % 100 = 0 AS merged, hash(t, 74) % 20 < 17 AS resolved, hash(t, 75) % 5 = 0 AS paused,
           hash(t, 76) % 50 = 0 AS still_paused, hash(t, 77) % 12 > 0 AS answered, hash(t, 78) % 10 < 3 AS asked_again,
           hash(t, 79) % 10 < 6 AS closed, hash(t, 80) % 100 < 6 AS reopened, hash(t, 81) % 10 < 3 AS rated,
           opened_at + to_seconds((300 + hash(t, 82) % 30000)::INTEGER) AS answered_at,
           opened_at + to_seconds((200 + hash(t, 83) % 20000)::INTEGER) AS paused_at,
           opened_at + to_seconds((50000 + hash(t, 84) % 600000)::INTEGER) AS resolved_at
      FROM bare
), ended AS (
    SELECT *, resolved AND NOT merged AS helped, helped AND reopened AS again, resolved_at + to_seconds(200003) AS reopened_at FROM chosen
)
SELECT *, list_sort(list_filter([
           {{'at': opened_at, what: 'opened', cycle: NULL::INTEGER, author: NULL::VARCHAR, public: NULL::BOOLEAN, score: NULL::INTEGER}},
           CASE WHEN hash(t, 85) % 3 = 0 THEN {{'at': opened_at + to_seconds(60), what: 'assigned', cycle: NULL, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN hash(t, 86) % 20 = 0 THEN {{'at': opened_at + to_seconds(90), what: 'priority_changed', cycle: NULL, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN hash(t, 87) % 20 = 0 THEN {{'at': opened_at + to_seconds(40000), what: 'escalated', cycle: NULL, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN hash(t, 88) % 5 = 0 THEN {{'at': opened_at + to_seconds(120), what: 'replied', cycle: 1, author: 'customer', public: true, score: NULL}} END,
           CASE WHEN hash(t, 89) % 5 = 0 THEN {{'at': opened_at + to_seconds(150), what: 'replied', cycle: 1, author: 'agent', public: false, score: NULL}} END,
           CASE WHEN answered THEN {{'at': answered_at, what: 'replied', cycle: 1, author: 'agent', public: true, score: NULL}} END,
           CASE WHEN asked_again THEN {{'at': answered_at + to_seconds(9000), what: 'replied', cycle: 1, author: 'customer', public: true, score: NULL}} END,
           CASE WHEN asked_again THEN {{'at': answered_at + to_seconds(15000), what: 'replied', cycle: 1, author: 'agent', public: true, score: NULL}} END,
           CASE WHEN paused THEN {{'at': paused_at, what: 'paused', cycle: NULL, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN paused AND NOT still_paused THEN {{'at': paused_at + to_seconds((1000 + hash(t, 90) % 28000)::INTEGER), what: 'resumed', cycle: NULL, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN helped THEN {{'at': resolved_at, what: 'resolved', cycle: 1, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN merged THEN {{'at': resolved_at, what: 'merged', cycle: 1, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN helped AND rated THEN {{'at': resolved_at + to_seconds(86000), what: 'satisfaction_recorded', cycle: 1, author: NULL, public: NULL, score: 1 + (hash(t, 91) % 5)::INTEGER}} END,
           CASE WHEN helped AND rated AND hash(t, 92) % 50 = 0 THEN {{'at': resolved_at + to_seconds(87000), what: 'satisfaction_recorded', cycle: 1, author: NULL, public: NULL, score: CASE WHEN t % 2 = 0 THEN 3 END}} END,
           CASE WHEN (helped AND closed) OR (NOT resolved AND NOT merged AND hash(t, 93) % 4 = 0)
                THEN {{'at': resolved_at + to_seconds(172000), what: 'closed', cycle: 1, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN again THEN {{'at': reopened_at, what: 'reopened', cycle: 2, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN again AND answered THEN {{'at': reopened_at + to_seconds((hash(t, 94) % 20000)::INTEGER + 60), what: 'replied', cycle: 2, author: 'agent', public: true, score: NULL}} END,
           CASE WHEN again AND hash(t, 95) % 4 > 0 THEN {{'at': reopened_at + to_seconds((hash(t, 96) % 400000)::INTEGER + 30000), what: 'resolved', cycle: 2, author: NULL, public: NULL, score: NULL}} END,
           CASE WHEN again AND hash(t, 95) % 4 > 0 AND hash(t, 97) % 3 = 0 THEN {{'at': reopened_at + to_seconds(500000), what: 'satisfaction_recorded', cycle: 2, author: NULL, public: NULL, score: 1 + (hash(t, 98) % 5)::INTEGER}} END
       ], step -> step IS NOT NULL)) AS steps
  FROM ended;

INSERT INTO lake.ticket_steps BY NAME
SELECT 'bench' AS tenant, epoch_us(step."at") - 1672531200000000 AS position, id AS stream_id, version, step."at" AS occurred_at,
       step."at" AS recorded_at, step.what, CASE WHEN step.what = 'opened' THEN NULL ELSE step.cycle END AS cycle,
       CASE step.what WHEN 'opened' THEN customer_id END AS customer_id,
       CASE step.what WHEN 'opened' THEN kind END AS kind,
       CASE step.what WHEN 'opened' THEN priority WHEN 'priority_changed' THEN 'urgent' END AS priority,
       CASE WHEN step.what = 'opened' OR step.author = 'customer' THEN channel END AS channel,
       CASE step.what WHEN 'opened' THEN product END AS product,
       CASE step.what WHEN 'opened' THEN category END AS category,
       CASE step.what WHEN 'opened' THEN source END AS source,
       CASE step.what WHEN 'opened' THEN owner WHEN 'assigned' THEN 'a0' END AS owner,
       CASE WHEN step.what IN ('opened', 'assigned', 'escalated') THEN team END AS team,
       CASE step.what WHEN 'escalated' THEN 2 END AS level,
       step.author, step.public, CASE step.what WHEN 'resumed' THEN t % 2 = 0 END AS answered,
       CASE step.what WHEN 'closed' THEN CASE WHEN helped THEN 'resolved' ELSE 'unresolved' END
                      WHEN 'reopened' THEN 'resolved' END AS outcome,
       step.score, CASE step.what WHEN 'merged' THEN md5('t' || (t + 4))::UUID END AS into_id
  FROM (SELECT *, unnest(steps) AS step, generate_subscripts(steps, 1)::INTEGER AS version FROM concern)
 ORDER BY occurred_at;

INSERT INTO lake.retractions BY NAME
SELECT 'bench' AS tenant, epoch_us(said_at) - 1672531200000000 AS position, id AS stream_id, len(steps) + 1 AS version,
       opened_at AS occurred_at, said_at AS recorded_at, 'retracted' AS what
  FROM (SELECT *, list_last(steps)."at" + to_days(1) AS said_at FROM concern WHERE hash(t, 99) % 1000 = 0)
 ORDER BY said_at;
DROP TABLE concern;
