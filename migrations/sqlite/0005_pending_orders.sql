-- How many pending orders an account has, without a walk over its other orders. Orders that are born ready never enter.
CREATE INDEX orders_pending ON orders (account_id) WHERE status = 'pending';
