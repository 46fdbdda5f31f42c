-- Events about a type of resource, for the types that are rare beside what every issuance writes: of orders and
-- certificates the newest events have enough, and an issuance pays for no further index.
CREATE INDEX audit_events_by_type ON audit_events (resource_type, id)
    WHERE resource_type <> 'order' AND resource_type <> 'certificate';
