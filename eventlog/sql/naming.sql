-- The events that name what has this id. The conditions are those of the indexes, word for word.
CREATE OR REPLACE FUNCTION log.naming(of_tenant text, of_id uuid)
RETURNS TABLE (stream_type text, stream_id uuid, version integer, "position" bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant AND e.subject_id = of_id
       AND e.type IN ('opportunity.opened', 'order.placed', 'ticket.opened')
       AND e.stream_id <> of_id  -- what concerns no customer is its own subject
    UNION ALL
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant AND (e.data ->> 'opportunity_id') = of_id::text AND e.type = 'order.placed'
    UNION ALL
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant AND (e.data ->> 'order_id') = of_id::text AND e.type = 'ticket.opened'
    UNION ALL
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant
       AND coalesce(e.data ->> 'customer_id', e.data ->> 'parent_id', e.data ->> 'contact_id', e.data ->> 'into_id')
           = of_id::text
       AND e.type IN ('opportunity.customer_linked', 'customer.parent_set', 'customer.contact_linked',
                      'customer.merged_into', 'ticket.merged')
$$;
