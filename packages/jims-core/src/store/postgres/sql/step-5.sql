-- What the fifth version changes in our tables: who is to be sent what changes in chains, and what is still to
-- be sent. The functions are not here.

-- Only the oldest delivery of a subscription is sent, so the subscription has the time when it is due. Null when
-- there is none; while a process has it, the end of its lease.
create table jims.subscriptions (
  subscription_id uuid primary key default gen_random_uuid(),
  thread_id uuid not null,
  chain_id uuid not null,
  kind text not null,
  owner text not null,
  name text not null,
  config json not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  due_at timestamp with time zone,
  -- Names the attempt that is under way.
  claim uuid
);
create unique index subscriptions_chain on jims.subscriptions (chain_id, kind, owner, name);
create index subscriptions_thread on jims.subscriptions (thread_id);
create index subscriptions_due on jims.subscriptions (kind, due_at) where due_at is not null;

create table jims.deliveries (
  delivery_id uuid primary key default gen_random_uuid(),
  subscription_id uuid not null references jims.subscriptions on delete cascade,
  ticket bigint generated always as identity,
  run_id uuid not null,
  change text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  attempts integer not null default 0,
  is_dead boolean not null default false,
  error text
);
create index deliveries_queue on jims.deliveries (subscription_id, is_dead, ticket);

-- A function that is not there yet cannot have a trigger; its body is with the others. The ends of runs are noted
-- by the functions that end them, as a trigger would cost each of them four times as much.
create function jims.note_withdrawal() returns trigger language plpgsql as $$
begin
  return null;
end
$$;
create trigger question_withdrawn after update of state on jims.questions
  for each row when (old.state = 'open' and new.state = 'withdrawn' and new.answered_by is null)
  execute function jims.note_withdrawal();

-- Every role that may use the runs may use them, too: an upgrade by another role needs no new grant.
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
    execute 'grant ' || v_grant.privilege || $sql$ on jims.subscriptions, jims.deliveries to $sql$
      || v_grant.role;
  end loop;
end
$$;
