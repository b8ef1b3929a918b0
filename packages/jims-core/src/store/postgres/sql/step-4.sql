-- What the fourth version changes in our tables.

alter table jims.instances
  -- Since when its process holds a lock that ends with its connection; null where it holds none.
  add column locked_since timestamp with time zone;
