-- Events are undone by their ids.
CREATE INDEX events_by_id ON log.events (event_id);

-- What was entered in error is retracted only while nothing refers to it: these find the events that may do so. An event
-- that names another thing in a field of its own belongs into one of the two lists, and into log.naming.
CREATE INDEX events_by_customer_named ON log.events (tenant, (data ->> 'customer_id'))
    WHERE type IN ('opportunity.opened', 'opportunity.customer_linked', 'order.placed', 'ticket.opened');
CREATE INDEX events_by_other_named ON log.events
    (tenant, (coalesce(data ->> 'parent_id', data ->> 'contact_id', data ->> 'opportunity_id', data ->> 'order_id',
                       data ->> 'into_id')))
    WHERE type IN ('customer.parent_set', 'customer.contact_linked', 'customer.merged_into', 'order.placed',
                   'ticket.opened', 'ticket.merged');
