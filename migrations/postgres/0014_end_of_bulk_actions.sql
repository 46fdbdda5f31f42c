-- Bulk actions in the order in which they ended, for those whose time is over.
CREATE INDEX bulk_actions_ended ON bulk_actions (ended_at) WHERE ended_at IS NOT NULL;
