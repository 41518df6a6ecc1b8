-- What finds the events that name another thing costs every append, so it rests on what is at hand: the first event of an
-- opportunity, order or ticket names the customer that is its subject. JSON is read only of what hardly ever happens, and
-- kept only where it names something. An event that names another thing in a field of its own belongs into one of the
-- lists, and into log.naming.
DROP INDEX log.events_by_customer_named, log.events_by_other_named;
CREATE INDEX events_by_subject ON log.events (tenant, subject_id)
    WHERE type IN ('opportunity.opened', 'order.placed', 'ticket.opened');
CREATE INDEX events_by_opportunity_named ON log.events (tenant, (data ->> 'opportunity_id'))
    WHERE type = 'order.placed' AND data ->> 'opportunity_id' IS NOT NULL;
CREATE INDEX events_by_order_named ON log.events (tenant, (data ->> 'order_id'))
    WHERE type = 'ticket.opened' AND data ->> 'order_id' IS NOT NULL;
CREATE INDEX events_by_other_named ON log.events
    (tenant, (coalesce(data ->> 'customer_id', data ->> 'parent_id', data ->> 'contact_id', data ->> 'into_id')))
    WHERE type IN ('opportunity.customer_linked', 'customer.parent_set', 'customer.contact_linked',
                   'customer.merged_into', 'ticket.merged');
