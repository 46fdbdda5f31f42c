-- How a profile came to be as it is: a profile may have any number of other events, such as orders that it refused.
CREATE INDEX audit_events_of_profiles ON audit_events (resource_id, id)
    WHERE action >= 'profile.' AND action < 'profile/';
