-- A type, as a check constraint would be read and compiled anew by every statement that writes a row.
create type jims.run_status as enum ('queued', 'running', 'completed', 'failed', 'cancelled');

-- A process is alive while its lease lasts, by this database's clock.
create table jims.instances (
  instance_id uuid primary key,
  lease_until timestamp with time zone not null
);

create table jims.runs (
  run_id uuid primary key,
  thread_id uuid not null,
  ticket bigint generated always as identity,
  status jims.run_status not null,
  instance_id uuid not null,
  attempt integer not null default 1,
  -- The id of the request that made this attempt: another than run_id when a lost run runs again.
  request_id uuid not null,
  created_thread boolean not null,
  idem_scope text,
  idem_key text,
  idem_fingerprint text,
  -- Whether what started it is in the log, as the event with the run's id; until then it is here.
  incoming_stored boolean not null,
  incoming_type text,
  incoming_data json,
  -- What its conversation start sent; null until that is in the log.
  start_ids uuid[],
  output_ids uuid[],
  cancel_requested boolean not null default false,
  -- How it will end when its turn comes, as nobody waits for it any more.
  withdrawn_as jims.run_status,
  error_code text,
  error_message text,
  usage json,
  last_seq integer,
  accepted_at timestamp with time zone not null default clock_timestamp(),
  started_at timestamp with time zone,
  finished_at timestamp with time zone
);
-- The proof that one run of a thread runs at a time.
create unique index runs_running on jims.runs (thread_id) where status = 'running';
create unique index runs_idem_key on jims.runs (idem_scope, idem_key) where idem_key is not null;
create index runs_line on jims.runs (thread_id, ticket) where status in ('queued', 'running');
-- To erase what a thread had: its other runs are found by its events. An index of all runs by thread, or
-- by time, would be written at each begin and end of one.
create index runs_unlogged on jims.runs (thread_id) where not incoming_stored;

-- By attempt, so that what a process writes that was taken for dead is not read with the next attempt.
create table jims.run_progress (
  run_id uuid not null,
  attempt integer not null,
  seq integer not null,
  event json not null,
  primary key (run_id, attempt, seq)
);


-- Time leaves as text: a JavaScript Date would drop the microseconds that order events.
create or replace function jims.iso(timestamp without time zone) returns text
language sql stable as $$
  select to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Null for a text that is no uuid: no row has such an id.
create or replace function jims.as_uuid(text) returns uuid
language sql immutable as $$
  select case when $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end
$$;

create or replace function jims.event_json(
  p_id uuid, p_created_at timestamp without time zone, p_type text, p_data json
) returns json
language sql stable as $$
  select json_build_object('id', p_id, 'createdAt', jims.iso(p_created_at), 'type', p_type, 'data', p_data)
$$;

-- Appends one event behind the newest one, whose time is given, and returns its time.
--
-- The times are this database's clock in the session's time zone, which is what the original's column
-- default now() writes: rows of both services sort together. They increase strictly, also when the
-- clock is set back: by the clock at the statement, not now(), which is when the transaction began
-- and may be before another transaction that held the lock and committed.
create or replace function jims.append_behind(
  p_newest timestamp without time zone, p_thread_id uuid, p_id uuid, p_type text, p_data json
) returns timestamp without time zone
language plpgsql as $$
declare
  v_time timestamp := greatest(clock_timestamp()::timestamp, p_newest + interval '1 microsecond');
  v_domain text := split_part(p_type, '.', 1);
begin
  insert into thread_events
    (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
  values (p_thread_id, p_id, v_time, p_type, v_domain, substr(p_type, length(v_domain) + 2), p_data);
  return v_time;
end
$$;

-- Appends events in the order given and returns their times.
create or replace function jims.append_events(
  p_thread_id uuid, p_ids uuid[], p_types text[], p_data json[]
) returns text[]
language plpgsql as $$
declare
  v_last timestamp;
  v_first timestamp;
  v_times text[];
begin
  if cardinality(p_ids) = 0 then
    return '{}';
  end if;
  select created_at into v_last from thread_events
  where thread_id = p_thread_id order by created_at desc limit 1;
  -- Most runs send one event, and a list costs three times as much as a row.
  if cardinality(p_ids) = 1 then
    return array[jims.iso(
      jims.append_behind(v_last, p_thread_id, p_ids[1], p_types[1], p_data[1]))];
  end if;
  v_first := greatest(clock_timestamp()::timestamp, v_last + interval '1 microsecond');
  with appended as (
    insert into thread_events
      (thread_id, event_id, created_at, event_type, event_domain, event_name, event_data)
    select p_thread_id, id, v_first + (place - 1) * interval '1 microsecond', type,
           domain, substr(type, length(domain) + 2), data
    from unnest(p_ids, p_types, p_data) with ordinality as event (id, type, data, place),
         split_part(type, '.', 1) as domain
    returning created_at
  )
  select array_agg(jims.iso(created_at) order by created_at) into v_times from appended;
  return v_times;
end
$$;

-- Puts what started a run into the log, unless it is there.
create or replace function jims.append_incoming(p_run jims.runs) returns void
language plpgsql as $$
begin
  if p_run.incoming_data is not null
    and not exists (
      select from thread_events where thread_id = p_run.thread_id and event_id = p_run.run_id)
  then
    perform jims.append_events(
      p_run.thread_id, array[p_run.run_id], array[p_run.incoming_type], array[p_run.incoming_data]);
  end if;
end
$$;

-- The events after a position, all of them without one. coalesce and not "or is null", which would
-- keep the order index from being used.
create or replace function jims.events_after(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid
) returns json
language plpgsql stable as $$
begin
  return (
    select coalesce(
      json_agg(jims.event_json(event_id, created_at, event_type, event_data)
               order by created_at, event_id),
      '[]')
    from thread_events
    where thread_id = p_thread_id
      and (created_at, event_id)
        > (coalesce(p_created_at, '-infinity'), coalesce(p_id, '00000000-0000-0000-0000-000000000000'))
  );
end
$$;


-- A row of threads. A type of our own, as one who takes the table's own would keep it from being changed.
create type jims.thread as (
  thread_id uuid, contact_id text, external_id text, created_at timestamp without time zone,
  thread_config jsonb
);

create or replace function jims.thread_json(
  p_id uuid, p_contact_id text, p_external_id text, p_created_at timestamp without time zone,
  p_config jsonb
) returns json
language sql stable as $$
  select json_build_object('id', p_id, 'contactId', p_contact_id, 'externalId', p_external_id,
                           'createdAt', jims.iso(p_created_at), 'config', p_config)
$$;

create or replace function jims.thread_by_id(p_id uuid) returns json
language plpgsql stable as $$
begin
  return (
    select jims.thread_json(thread_id, contact_id, external_id, created_at, thread_config)
    from threads where thread_id = p_id
  );
end
$$;

-- A thread always begins with the event that says so. Null when there is one of this id already.
create or replace function jims.create_thread(
  p_id uuid, p_contact_id text, p_external_id text, p_config jsonb, p_event_id uuid
) returns jims.thread
language plpgsql as $$
declare
  v_thread jims.thread;
begin
  insert into threads (thread_id, contact_id, external_id, created_at, thread_config)
  values (p_id, p_contact_id, p_external_id, clock_timestamp() at time zone 'utc', p_config)
  on conflict (thread_id) do nothing
  returning thread_id, contact_id, external_id, created_at, thread_config into v_thread;
  if found then
    perform jims.append_behind(null, p_id, p_event_id, 'jims.lifecycle.thread_created', '{}');
  end if;
  return v_thread;
end
$$;

-- Gets a thread by its id or external id, or makes it.
create or replace function jims.open_thread(
  p_thread_id uuid, p_external_id text, p_contact_id text, p_config jsonb,
  p_new_thread_id uuid, p_event_id uuid
) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_id uuid;
  v_created boolean := false;
begin
  select thread_id into v_id from threads where thread_id = p_thread_id;
  if v_id is null and p_external_id is not null then
    for look in 1..2 loop
      select thread_id into v_id from threads where external_id = p_external_id
      order by created_at desc, thread_id desc limit 1;
      exit when v_id is not null or look = 2;
      -- Not there: looked for again when nobody else can be making it.
      perform pg_advisory_xact_lock(hashtextextended('jims.ext:' || p_external_id, 0));
    end loop;
  end if;
  if v_id is null then
    v_id := coalesce(p_thread_id, p_new_thread_id);
    v_created := (
      jims.create_thread(v_id, p_contact_id, p_external_id, p_config, p_event_id)
    ).thread_id is not null;
  end if;
  return json_build_object('thread', jims.thread_by_id(v_id), 'created', v_created);
end
$$;

-- The thread that a run is for, with its row locked: the one named, or else the contact's latest,
-- made under the new id when there is none. Nulls when the one named is not there or not the contact's.
create or replace function jims.take_thread(
  p_thread_id uuid, p_contact_id text, p_config jsonb, p_new_thread_id uuid, p_event_id uuid
) returns jims.thread
language plpgsql as $$
declare
  v_thread jims.thread;
  v_id uuid;
  v_contact_locked boolean := false;
begin
  if p_new_thread_id is null then
    select thread_id, contact_id, external_id, created_at, thread_config into v_thread
    from threads
    where thread_id = p_thread_id and (p_contact_id is null or contact_id = p_contact_id)
    for no key update;
    return v_thread;
  end if;
  loop
    select thread_id into v_id from threads where contact_id = p_contact_id
    order by created_at desc, thread_id desc limit 1;
    if v_id is not null then
      select thread_id, contact_id, external_id, created_at, thread_config into v_thread
      from threads where thread_id = v_id for no key update;
      exit when found;  -- else it was deleted while we waited
    elsif v_contact_locked then
      v_thread := jims.create_thread(p_new_thread_id, p_contact_id, null, p_config, p_event_id);
      exit;
    else
      -- Not there: looked for again when nobody else can be making it.
      perform pg_advisory_xact_lock(hashtextextended('jims.contact:' || p_contact_id, 0));
      v_contact_locked := true;
    end if;
  end loop;
  return v_thread;
end
$$;

-- Appends events outside a run. Null when there is no such thread.
create or replace function jims.append_to_thread(
  p_thread_id uuid, p_ids uuid[], p_types text[], p_data json[]
) returns text[]
language plpgsql set lock_timeout = '5s' as $$
begin
  perform from threads where thread_id = p_thread_id for no key update;
  if not found then
    return null;
  end if;
  return jims.append_events(p_thread_id, p_ids, p_types, p_data);
end
$$;

-- Removes threads whose rows are locked.
create or replace function jims.erase_threads(p_ids uuid[]) returns void
language plpgsql as $$
begin
  with erased as (
    delete from jims.runs
    where thread_id = any (p_ids) and run_id in (
      select event_id from thread_events where thread_id = any (p_ids)
      union all
      select run_id from jims.runs where thread_id = any (p_ids) and not incoming_stored)
    returning run_id
  )
  delete from jims.run_progress where run_id in (select run_id from erased);
  delete from thread_events where thread_id = any (p_ids);
  delete from threads where thread_id = any (p_ids);
end
$$;

-- Removes the thread of this id, or the threads of this contact, and returns their ids.
create or replace function jims.delete_threads(p_thread_id uuid, p_contact_id text) returns uuid[]
language plpgsql set lock_timeout = '5s' as $$
declare
  v_ids uuid[];
begin
  -- In one order, so that two who delete the same threads do not wait for each other.
  select coalesce(array_agg(locked.thread_id), '{}') into v_ids
  from (
    select thread_id from threads where thread_id = p_thread_id or contact_id = p_contact_id
    order by thread_id for update
  ) as locked;
  perform jims.erase_threads(v_ids);
  return v_ids;
end
$$;


-- Ends a run whose process died. To be called under the lock of its thread's row.
create or replace function jims.mark_lost(p_run jims.runs) returns void
language plpgsql as $$
begin
  perform jims.append_incoming(p_run);
  update jims.runs
  set status = 'failed', finished_at = clock_timestamp(),
      incoming_stored = incoming_stored or incoming_data is not null,
      incoming_type = null, incoming_data = null,
      output_ids = null, usage = null, last_seq = null, error_code = 'lost',
      error_message = 'The process that ran it ended before it was finished'
  where run_id = p_run.run_id;
end
$$;

-- Starts who is next in a thread's line; withdrawn runs and those of dead processes end as they come.
-- To be called under the lock of the thread's row, when none of its runs runs.
create or replace function jims.start_next(p_thread_id uuid, out next json, out lost integer)
language plpgsql as $$
declare
  v_run jims.runs;
begin
  lost := 0;
  loop
    select * into v_run from jims.runs where thread_id = p_thread_id and status = 'queued'
    order by ticket limit 1;
    exit when not found;
    if v_run.withdrawn_as is null and not exists (
      select from jims.instances
      where instance_id = v_run.instance_id and lease_until > clock_timestamp())
    then
      perform jims.mark_lost(v_run);
      lost := lost + 1;
      continue;
    end if;
    perform jims.append_incoming(v_run);
    update jims.runs
    set status = coalesce(v_run.withdrawn_as, 'running'),
        incoming_stored = incoming_stored or incoming_data is not null,
        incoming_type = null, incoming_data = null,
        started_at = case when v_run.withdrawn_as is null then clock_timestamp() end,
        finished_at = case when v_run.withdrawn_as is not null then clock_timestamp() end
    where run_id = v_run.run_id;
    if v_run.withdrawn_as is null then
      next := json_build_object('runId', v_run.run_id, 'instanceId', v_run.instance_id);
      return;
    end if;
  end loop;
end
$$;

-- Locks the thread's row, then finds the run if this process has this attempt of it; nulls if not.
create or replace function jims.lock_own_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid
) returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
begin
  perform from threads where thread_id = p_thread_id for no key update;
  -- By its id alone, as no other index would do.
  select * into v_run from jims.runs where run_id = p_run_id;
  if v_run.attempt = p_attempt and v_run.thread_id = p_thread_id
    and v_run.instance_id = p_instance_id and v_run.status in ('queued', 'running')
  then
    return v_run;
  end if;
  return null;
end
$$;

-- Appends the conversation start of a run, then the question that waited for it. Null when fenced.
create or replace function jims.append_in_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid,
  p_ids uuid[], p_types text[], p_data json[]
) returns json
language plpgsql as $$
declare
  v_run jims.runs := jims.lock_own_run(p_run_id, p_attempt, p_thread_id, p_instance_id);
begin
  if v_run.status is distinct from 'running' then
    return null;
  end if;
  perform jims.append_events(p_thread_id, p_ids, p_types, p_data);
  perform jims.append_incoming(v_run);
  update jims.runs
  set start_ids = p_ids, incoming_stored = incoming_stored or incoming_data is not null,
      incoming_type = null, incoming_data = null
  where run_id = p_run_id;
  return (
    select coalesce(
      json_agg(jims.event_json(event_id, created_at, event_type, event_data)
               order by created_at, event_id),
      '[]')
    from thread_events
    where thread_id = p_thread_id
      and event_id = any (
        p_ids || case when v_run.incoming_data is not null then array[p_run_id] end)
  );
end
$$;

-- Ends a run, and starts the next. Returns the times of its events; null when fenced.
create or replace function jims.finish_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid,
  p_status jims.run_status, p_ids uuid[], p_types text[], p_data json[],
  p_error_code text, p_error_message text, p_usage json, p_last_seq integer,
  p_progress_seqs integer[], p_progress_events json[]
) returns json
language plpgsql as $$
declare
  v_run jims.runs := jims.lock_own_run(p_run_id, p_attempt, p_thread_id, p_instance_id);
  v_times text[] := '{}';
  v_next json;
begin
  if v_run.run_id is null then
    return null;
  end if;
  if cardinality(p_progress_seqs) > 0 then
    insert into jims.run_progress (run_id, attempt, seq, event)
    select p_run_id, p_attempt, p.seq, p.event
    from unnest(p_progress_seqs, p_progress_events) as p (seq, event)
    on conflict do nothing;
  end if;
  if v_run.status = 'queued' then
    update jims.runs
    set withdrawn_as = p_status, error_code = p_error_code, error_message = p_error_message,
        usage = p_usage, last_seq = p_last_seq
    where run_id = p_run_id;
  else
    if v_run.incoming_data is not null then
      perform jims.append_incoming(v_run);
    end if;
    v_times := jims.append_events(p_thread_id, p_ids, p_types, p_data);
    update jims.runs
    set status = p_status, finished_at = clock_timestamp(), output_ids = p_ids,
        incoming_stored = incoming_stored or incoming_data is not null,
        incoming_type = null, incoming_data = null,
        error_code = p_error_code, error_message = p_error_message,
        usage = p_usage, last_seq = p_last_seq
    where run_id = p_run_id;
    select next into v_next from jims.start_next(p_thread_id);
  end if;
  return json_build_object('times', v_times, 'next', v_next);
end
$$;

-- Ends what a request was accepted as whose process never learned that it was: nobody runs it.
create or replace function jims.abandon_request(
  p_request_id uuid, p_instance_id uuid, p_scope text, p_key text
) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs;
begin
  select * into v_run from jims.runs
  where (run_id = p_request_id or (idem_scope = p_scope and idem_key = p_key))
    and request_id = p_request_id;
  return jims.finish_run(
    v_run.run_id, v_run.attempt, v_run.thread_id, p_instance_id, 'failed', '{}', '{}', '{}',
    'lost', 'The process that was to run it did not learn so', null, null, '{}', '{}');
end
$$;

create or replace function jims.request_cancel(p_run_id uuid) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs;
begin
  update jims.runs set cancel_requested = true
  where run_id = p_run_id and status in ('queued', 'running');
  select * into v_run from jims.runs where run_id = p_run_id;
  return json_build_object('status', v_run.status, 'instanceId', v_run.instance_id);
end
$$;


-- The run of a key, its thread's row locked; nulls when the key is not known.
create or replace function jims.lock_keyed_run(p_scope text, p_key text, p_ttl_ms double precision)
returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
  v_has_thread boolean;
begin
  select * into v_run from jims.runs where idem_scope = p_scope and idem_key = p_key;
  if not found then
    return null;
  end if;
  perform from threads where thread_id = v_run.thread_id for no key update;
  v_has_thread := found;
  -- As it is now that nobody else can change it.
  select * into v_run from jims.runs where idem_scope = p_scope and idem_key = p_key;
  if v_has_thread and (
    v_run.finished_at is null
    or v_run.accepted_at >= clock_timestamp() - p_ttl_ms * interval '1 millisecond')
  then
    return v_run;
  end if;
  update jims.runs set idem_key = null where run_id = v_run.run_id;
  return null;
end
$$;

-- Gives a lost run to a process once more, at the end of its thread's line.
create or replace function jims.revive_run(
  p_run_id uuid, p_request_id uuid, p_instance_id uuid, p_status jims.run_status
) returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
begin
  delete from jims.run_progress where run_id = p_run_id;
  update jims.runs
  set ticket = default, status = p_status, attempt = attempt + 1, instance_id = p_instance_id,
      request_id = p_request_id, cancel_requested = false, withdrawn_as = null, output_ids = null,
      error_code = null, error_message = null, usage = null, last_seq = null, finished_at = null,
      started_at = case when p_status = 'running' then clock_timestamp() end
  where run_id = p_run_id
  returning * into v_run;
  return v_run;
end
$$;

-- Asks all runs in a thread's line to stop; returns who has them.
create or replace function jims.interrupt_line(p_thread_id uuid) returns json
language plpgsql as $$
declare
  v_asked json;
begin
  with asked as (
    update jims.runs set cancel_requested = true
    where thread_id = p_thread_id and status in ('queued', 'running')
    returning run_id, instance_id, ticket
  )
  select json_agg(json_build_object('runId', run_id, 'instanceId', instance_id) order by ticket)
  into v_asked from asked;
  return v_asked;
end
$$;

-- Whether something runs in a thread, or was said in it after a position.
create or replace function jims.has_moved(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid
) returns boolean
language plpgsql as $$
begin
  return exists (
    select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running')
  ) or exists (
    select from thread_events
    where thread_id = p_thread_id and (created_at, event_id) > (p_created_at, p_id)
      and split_part(event_type, '.', 1) = 'comm'
  );
end
$$;

create or replace function jims.accept_run(
  p_run_id uuid, p_instance_id uuid,
  p_thread_id text, p_contact_id text,
  p_after_created_at timestamp without time zone, p_after_id uuid,
  p_thread_config jsonb, p_new_thread_id uuid, p_event_id uuid,
  p_external_id text, p_seed_ids uuid[], p_seed_types text[], p_seed_data json[],
  p_incoming_type text, p_incoming_data json, p_hold_incoming boolean,
  p_on_busy text, p_queue_limit integer,
  p_scope text, p_key text, p_fingerprint text, p_ttl_ms double precision,
  p_known_thread_id uuid, p_known_created_at timestamp without time zone, p_known_id uuid
) returns json
language plpgsql as $$
declare
  v_run jims.runs;
  v_thread jims.thread;
  v_created boolean := false;
  v_active bigint := 0;
  v_status jims.run_status := 'running';
  v_stored boolean;
  v_interrupted json := '[]';
begin
  -- Whose run it is, and in which thread; from here on the thread's row is locked.
  loop
    if p_key is not null then
      v_run := jims.lock_keyed_run(p_scope, p_key, p_ttl_ms);
    end if;
    if v_run.run_id is not null then
      if v_run.idem_fingerprint is distinct from p_fingerprint then
        return json_build_object('kind', 'key_reused');
      elsif v_run.finished_at is null
        or coalesce(v_run.error_code, '') not in ('lost', 'shutting_down', 'store_unavailable')
      then
        return json_build_object('kind', 'existing', 'runId', v_run.run_id);
      end if;
      select thread_id, contact_id, external_id, created_at, thread_config into v_thread
      from threads where thread_id = v_run.thread_id;
      exit;
    end if;
    if p_seed_ids is not null then
      v_thread := jims.create_thread(
        p_new_thread_id, p_contact_id, p_external_id, p_thread_config, p_event_id);
      if v_thread.thread_id is not null then
        perform jims.append_events(p_new_thread_id, p_seed_ids, p_seed_types, p_seed_data);
      end if;
    else
      v_thread := jims.take_thread(
        jims.as_uuid(p_thread_id), p_contact_id, p_thread_config, p_new_thread_id, p_event_id);
    end if;
    if v_thread.thread_id is null then
      return json_build_object('kind', 'thread_not_found');
    end if;
    v_created := coalesce(v_thread.thread_id = p_new_thread_id, false);
    -- The same request may have been accepted while this one waited for the lock.
    exit when p_key is null
      or not exists (select from jims.runs where idem_scope = p_scope and idem_key = p_key);
    if v_created then
      raise serialization_failure using message = 'jims: the key was taken, in another thread';
    end if;
  end loop;

  if p_after_id is not null and v_run.run_id is null then
    if jims.has_moved(v_thread.thread_id, p_after_created_at, p_after_id) then
      return json_build_object('kind', 'thread_moved');
    end if;
  end if;

  -- Its place in line.
  if not v_created then
    select count(*) into v_active from jims.runs
    where thread_id = v_thread.thread_id and status in ('queued', 'running');
  end if;
  if v_active > 0 then
    if p_on_busy = 'reject' then
      return json_build_object('kind', 'thread_busy');
    elsif v_active > p_queue_limit then
      return json_build_object('kind', 'queue_full');
    elsif p_on_busy = 'interrupt' then
      v_interrupted := jims.interrupt_line(v_thread.thread_id);
    end if;
    v_status := 'queued';
  end if;

  if v_run.run_id is not null then
    v_run := jims.revive_run(v_run.run_id, p_run_id, p_instance_id, v_status);
  else
    v_stored := v_status = 'running' and p_incoming_type is not null
      and not (v_created and p_hold_incoming);
    insert into jims.runs
      (run_id, request_id, thread_id, status, instance_id, created_thread,
       idem_scope, idem_key, idem_fingerprint,
       incoming_stored, incoming_type, incoming_data, started_at)
    values
      (p_run_id, p_run_id, v_thread.thread_id, v_status, p_instance_id, v_created,
       p_scope, p_key, p_fingerprint,
       v_stored,
       case when not v_stored then p_incoming_type end,
       case when not v_stored then p_incoming_data end,
       case when v_status = 'running' then clock_timestamp() end)
    on conflict (idem_scope, idem_key) where idem_key is not null do nothing
    returning * into v_run;
    if not found then
      raise serialization_failure using message = 'jims: the key was taken at the same moment';
    end if;
    if v_stored then
      perform jims.append_events(
        v_thread.thread_id, array[p_run_id], array[p_incoming_type], array[p_incoming_data]);
    end if;
  end if;

  return json_build_object(
    'kind', 'accepted',
    'runId', v_run.run_id,
    'attempt', v_run.attempt,
    'thread', jims.thread_json(
      v_thread.thread_id, v_thread.contact_id, v_thread.external_id, v_thread.created_at,
      v_thread.thread_config),
    'createdThread', v_run.created_thread,
    'started', v_run.start_ids is not null,
    'status', v_status,
    'interrupted', v_interrupted,
    'fresh', case
      when v_status = 'queued' then null
      when v_created then jims.events_after(v_thread.thread_id, null, null)
      when v_thread.thread_id = p_known_thread_id
        then jims.events_after(v_thread.thread_id, p_known_created_at, p_known_id)
    end);
end
$$;


-- Ends the runs of dead processes and starts who waits behind them. Threads that another process is
-- at are left to it.
create or replace function jims.reap_runs() returns json
language plpgsql as $$
declare
  v_thread_id uuid;
  v_run jims.runs;
  v_next json;
  v_more integer;
  v_lost integer := 0;
  v_started json[] := '{}';
begin
  for v_thread_id in
    select t.thread_id
    from (
      select r.thread_id from jims.runs r left join jims.instances i using (instance_id)
      where r.status = 'running' and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
      union
      -- Not to be, but if a line stands still, this gets it going.
      select q.thread_id from jims.runs q
      where q.status = 'queued' and not exists (
        select from jims.runs r where r.thread_id = q.thread_id and r.status = 'running')
    ) as stuck join threads t using (thread_id)
    for no key update of t skip locked
  loop
    -- Looked at again, under the lock.
    for v_run in
      select r.* from jims.runs r left join jims.instances i using (instance_id)
      where r.thread_id = v_thread_id and r.status = 'running'
        and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
    loop
      perform jims.mark_lost(v_run);
      v_lost := v_lost + 1;
    end loop;
    continue when exists (
      select from jims.runs where thread_id = v_thread_id and status = 'running');
    select next, lost into v_next, v_more from jims.start_next(v_thread_id);
    v_lost := v_lost + v_more;
    if v_next is not null then
      v_started := v_started || v_next;
    end if;
  end loop;

  delete from jims.instances where instance_id in (
    select instance_id from jims.instances where lease_until < clock_timestamp() - interval '1 hour'
    for update skip locked);
  return json_build_object('lost', v_lost, 'started', v_started);
end
$$;

-- Ids of runs are UUIDv7, which begin with the time that they were made at: no index by time is needed.
create or replace function jims.first_id_of(p_time timestamp with time zone) returns uuid
language sql immutable as $$
  select rpad(lpad(to_hex((extract(epoch from p_time) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

create or replace function jims.is_idle(
  p_thread_id uuid, p_created_at timestamp without time zone, p_age interval
) returns boolean
language plpgsql stable as $$
begin
  -- A thread's time is in UTC, an event's in the session's time zone.
  return p_created_at < (clock_timestamp() at time zone 'utc') - p_age
    and not exists (
      select from thread_events
      where thread_id = p_thread_id and created_at >= clock_timestamp()::timestamp - p_age)
    and not exists (
      select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running'));
end
$$;

-- Removes a bounded amount of what is older than it may be. Rows that another process is at are left.
create or replace function jims.purge(
  p_idle_ms double precision, p_runs_ms double precision, p_progress_ms double precision,
  p_batch integer
) returns json
language plpgsql as $$
declare
  v_idle interval := p_idle_ms * interval '1 millisecond';
  v_threads uuid[] := '{}';
  v_before timestamp with time zone := clock_timestamp() - p_runs_ms * interval '1 millisecond';
  v_runs uuid[];
begin
  if v_idle is not null then
    -- In a statement of its own: whether it is idle is asked again below, under the lock.
    select coalesce(array_agg(locked.thread_id), '{}') into v_threads
    from (
      select thread_id from threads
      where created_at < (clock_timestamp() at time zone 'utc') - v_idle
        and jims.is_idle(thread_id, created_at, v_idle)
      order by created_at limit p_batch for update skip locked
    ) as locked;
    select coalesce(array_agg(thread_id), '{}') into v_threads from threads
    where thread_id = any (v_threads) and jims.is_idle(thread_id, created_at, v_idle);
    perform jims.erase_threads(v_threads);
  end if;

  select coalesce(array_agg(locked.run_id), '{}') into v_runs
  from (
    select run_id from jims.runs
    where run_id < jims.first_id_of(v_before) and finished_at < v_before
    order by run_id limit p_batch for update skip locked
  ) as locked;
  delete from jims.runs where run_id = any (v_runs);

  -- Progress that has no run any more came from a process that was fenced out.
  delete from jims.run_progress where run_id in (
    select p.run_id from jims.run_progress p left join jims.runs r using (run_id)
    where r.run_id is null
      or r.finished_at < clock_timestamp() - p_progress_ms * interval '1 millisecond'
    group by p.run_id limit p_batch);
  return json_build_object('threadIds', v_threads, 'runs', cardinality(v_runs));
end
$$;
