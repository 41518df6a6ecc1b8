-- One row with all that one append writes: the columns and indexes of log.events, and the command record and the claim
-- beside them. Random streams and commands, as ours are.
\set n random(1, 281474976710655)
INSERT INTO appends (tenant, stream_type, stream_id, version, partition, subject_id, event_id, type, schema_version,
                     recorded_at, occurred_at, actor, on_behalf_of, reason, correlation_id, causation_id, command_id,
                     trace, data, personal, body, claim_kind, claim)
VALUES ('acme', 'ticket', ('00000000-0000-7000-8000-' || lpad(to_hex((:n)::bigint), 12, '0'))::uuid, 1, ((:n)::bigint % 8)::smallint,
        '5eed0000-0000-0000-0000-000000000001', ('00000000-0000-7000-8000-' || lpad(to_hex((:n)::bigint), 12, '0'))::uuid,
        'ticket.opened', 1, now(), now(), 'bench', NULL, NULL, '00000000-0000-7000-8000-000000000002', NULL,
        '00000000-0000-7000-8000-' || lpad(to_hex((:n)::bigint), 12, '0'), NULL, :data, :personal,
        decode(:body, 'hex'), 'ticket-number', decode(:body, 'hex'));
