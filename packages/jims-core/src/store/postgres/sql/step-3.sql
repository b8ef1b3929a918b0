-- What the third version changes in our tables: chains of runs, their journals and their questions. The
-- functions are not here.

alter table jims.instances
  -- The app's version, '' if it has none; null for a process that knows nothing of chains.
  add column version text,
  -- Whether it recovers durable runs, and whether it is about to end.
  add column durable boolean not null default false,
  add column draining boolean not null default false;

-- A run without an owner, which waits to be recovered, has the nil UUID as its instance.
alter table jims.runs
  -- The first run of its chain; null for that run itself.
  add column chain_id uuid,
  -- The question that it answers, and the one that it ended with.
  add column continues uuid,
  add column question_id uuid,
  add column durable boolean not null default false,
  -- How often it was recovered without progress, and when it may be recovered again.
  add column recoveries integer not null default 0,
  add column retry_at timestamp with time zone,
  -- What its chain keeps from its beginning; of the first run alone.
  add column kept json,
  add column config json,
  -- Whether a contact's message began it: only such runs count as waiting, and may be interrupted.
  add column counted boolean not null default true;
-- Only runs that continue a chain are in these two.
create index runs_chain on jims.runs (chain_id, ticket) where chain_id is not null;
create unique index runs_continues on jims.runs (continues) where continues is not null;

-- By chain and in order alone: an index more would be one page more that each step writes.
create table jims.journal (
  chain_id uuid not null,
  seq integer not null,
  part text not null,
  kind text not null,
  name text not null,
  nth integer not null,
  call integer not null,
  input text,
  -- JSON as text, which is given back as it came: a value, or an error. Neither for undefined and for a question.
  value text,
  error text,
  question_id uuid,
  usage text,
  -- Milliseconds since 1970, by the clock of its process.
  at bigint not null,
  run_id uuid not null,
  attempt integer not null,
  version text,
  primary key (chain_id, seq)
);

create table jims.questions (
  question_id uuid primary key,
  chain_id uuid not null,
  run_id uuid not null,
  thread_id uuid not null,
  audience text not null,
  name text,
  text text,
  data json,
  schema json,
  buttons json,
  accepts text[] not null,
  contents text[],
  early boolean not null,
  tell boolean not null,
  state text not null default 'open',
  reason text,
  -- The run that its answer or its end started.
  answered_by uuid,
  asked_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  closed_at timestamp with time zone
);
-- The proof that a contact is asked one thing at a time in a thread.
create unique index questions_contact on jims.questions (thread_id)
  where state = 'open' and audience = 'contact';
create index questions_due on jims.questions (expires_at) where state = 'open';
create index questions_chain on jims.questions (chain_id) where state = 'open';
create index questions_thread on jims.questions (thread_id);
-- For a list.
create index questions_order on jims.questions (asked_at, question_id);

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
    execute 'grant ' || v_grant.privilege || $sql$ on jims.journal, jims.questions to $sql$
      || v_grant.role;
  end loop;
end
$$;
