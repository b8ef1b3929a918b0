-- What the second version changes in our tables. The functions are not here.
--
-- Where the original's tables are is recorded with each version, in a table that a role which may use
-- the store can read already: an upgrade needs no new grant.

alter table jims.migrations add column tables_schema text;

-- Threads that are gone, and whose events and finished runs are not yet: they go in pieces.
create table jims.erasing (thread_id uuid primary key);

-- Every role that may use the runs may use it, too: an upgrade by another role needs no new grant.
do $$
declare
  v_grant record;
begin
  for v_grant in
    select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as role,
           privilege_type as privilege
    from pg_class c, aclexplode(c.relacl)
    where c.oid = (select typrelid from pg_type where oid = pg_typeof(null::jims.runs)::oid)
      and grantee <> c.relowner
  loop
    -- Between dollars, as the name of the schema may have quotes in it.
    execute 'grant ' || v_grant.privilege || $sql$ on jims.erasing to $sql$ || v_grant.role;
  end loop;
end
$$;
