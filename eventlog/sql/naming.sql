-- The events that name what has this id. The conditions are those of the indexes, word for word.
CREATE OR REPLACE FUNCTION log.naming(of_tenant text, of_id uuid)
RETURNS TABLE (stream_type text, stream_id uuid, version integer, "position" bigint)
LANGUAGE sql STABLE AS $$
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant AND (e.data ->> 'customer_id') = of_id::text
       AND e.type IN ('opportunity.opened', 'opportunity.customer_linked', 'order.placed', 'ticket.opened')
    UNION ALL
    SELECT e.stream_type, e.stream_id, e.version, e.position FROM log.events e
     WHERE e.tenant = of_tenant
       AND coalesce(e.data ->> 'parent_id', e.data ->> 'contact_id', e.data ->> 'opportunity_id', e.data ->> 'order_id',
                    e.data ->> 'into_id') = of_id::text
       AND e.type IN ('customer.parent_set', 'customer.contact_linked', 'customer.merged_into', 'order.placed',
                      'ticket.opened', 'ticket.merged')
$$;
