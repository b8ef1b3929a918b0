-- Reading and writing thread_events. A function that writes is to be called under the lock of the thread's
-- row.
--
-- :fresh_events and :fresh_bytes stand for how much accepting a run brings along.

-- Times are returned as text: a JavaScript Date would drop the microseconds that order events.
create or replace function jims.iso(timestamp without time zone) returns text
language sql stable as $$
  select to_char($1, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Null for text that is not a UUID: no row has such an id.
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

-- Appends one event after the newest one, whose time is given, and returns its time.
--
-- The times are this database's clock in the session's time zone, which is what the original's column
-- default now() writes: rows of both services sort together. They increase strictly, also when the
-- clock is set back. Not by now(): that is when the transaction began, which may be before another
-- transaction that had the lock committed.
create or replace function jims.append_behind(
  p_newest timestamp without time zone, p_thread_id uuid, p_id uuid, p_type text, p_data json
) returns timestamp without time zone
language plpgsql as $$
declare
  v_time timestamp := greatest(clock_timestamp()::timestamp, p_newest + interval '1 microsecond');
  v_domain text := split_part(p_type, '.', 1);
begin
  insert into original.thread_events
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
  select created_at into v_last from original.thread_events
  where thread_id = p_thread_id order by created_at desc limit 1;
  -- Most runs send one event, and a list costs three times as much as a row.
  if cardinality(p_ids) = 1 then
    return array[jims.iso(
      jims.append_behind(v_last, p_thread_id, p_ids[1], p_types[1], p_data[1]))];
  end if;
  v_first := greatest(clock_timestamp()::timestamp, v_last + interval '1 microsecond');
  with appended as (
    insert into original.thread_events
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

-- Puts the event that started a run into the log, unless it is there.
create or replace function jims.append_incoming(p_run jims.runs) returns void
language plpgsql as $$
begin
  if p_run.incoming_data is not null
    and not exists (
      select from original.thread_events where thread_id = p_run.thread_id and event_id = p_run.run_id)
  then
    perform jims.append_events(
      p_run.thread_id, array[p_run.run_id], array[p_run.incoming_type], array[p_run.incoming_data]);
  end if;
end
$$;

-- The events after a position, or all of them; null when they are more than accepting a run may bring along.
-- coalesce and not "or is null", which would keep the order index from being used.
create or replace function jims.events_after(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid
) returns json
language plpgsql stable as $$
declare
  v_event record;
  v_events json[] := '{}';
  v_bytes bigint := 0;
begin
  for v_event in
    select event_id, created_at, event_type, event_data from original.thread_events
    where thread_id = p_thread_id
      and (created_at, event_id)
        > (coalesce(p_created_at, '-infinity'), coalesce(p_id, '00000000-0000-0000-0000-000000000000'))
    order by created_at, event_id limit :fresh_events + 1
  loop
    v_bytes := v_bytes + coalesce(octet_length(v_event.event_data::text), 0);
    if v_bytes > :fresh_bytes or cardinality(v_events) = :fresh_events then
      return null;
    end if;
    v_events := v_events || jims.event_json(
      v_event.event_id, v_event.created_at, v_event.event_type, v_event.event_data);
  end loop;
  return array_to_json(v_events);
end
$$;

-- Events between two positions, in order or newest first, of some domains or of all: p_limit events and
-- p_max_bytes at most, but one event at least, of the next p_look_at events. The last row has no event: it
-- has the position of the last event that was looked at, and whether the log goes on.
create or replace function jims.page_events(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid,
  p_before timestamp without time zone, p_before_id uuid, p_newest_first boolean,
  p_domains text[], p_limit integer, p_max_bytes bigint, p_look_at integer
) returns table (id uuid, "createdAt" text, type text, data json, more boolean)
language plpgsql stable as $$
declare
  v_events refcursor;
  v_event record;
  v_last record;
  v_bytes bigint := 0;
  v_taken integer := 0;
  v_looked_at integer := 0;
  v_is_full boolean := false;
  v_after timestamp := coalesce(p_created_at, '-infinity');
  v_after_id uuid := coalesce(p_id, '00000000-0000-0000-0000-000000000000');
  v_before timestamp := coalesce(p_before, 'infinity');
  v_before_id uuid := coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
  if p_newest_first then
    open v_events for
      select e.event_id, e.created_at, e.event_type, e.event_data from original.thread_events e
      where e.thread_id = p_thread_id
        and (e.created_at, e.event_id) > (v_after, v_after_id)
        and (e.created_at, e.event_id) < (v_before, v_before_id)
      order by e.created_at desc, e.event_id desc limit p_look_at;
  else
    open v_events for
      select e.event_id, e.created_at, e.event_type, e.event_data from original.thread_events e
      where e.thread_id = p_thread_id
        and (e.created_at, e.event_id) > (v_after, v_after_id)
        and (e.created_at, e.event_id) < (v_before, v_before_id)
      order by e.created_at, e.event_id limit p_look_at;
  end if;
  loop
    fetch v_events into v_event;
    exit when not found;
    if p_domains is null or split_part(v_event.event_type, '.', 1) = any (p_domains) then
      v_bytes := v_bytes + coalesce(octet_length(v_event.event_data::text), 0);
      v_is_full := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);
      exit when v_is_full;
      id := v_event.event_id;
      "createdAt" := jims.iso(v_event.created_at);
      type := v_event.event_type;
      data := v_event.event_data;
      return next;
      v_taken := v_taken + 1;
    end if;
    v_last := v_event;
    v_looked_at := v_looked_at + 1;
  end loop;
  close v_events;
  type := null;
  data := null;
  more := v_is_full or v_looked_at = p_look_at;
  id := null;
  if v_looked_at > 0 then
    id := v_last.event_id;
    "createdAt" := jims.iso(v_last.created_at);
  end if;
  return next;
end
$$;

-- The newest events before a position and after another one, newest first: p_limit events and p_max_bytes
-- at most, but one event at least. The last row has no event: it has the sum of their bytes, and whether
-- there are older ones.
create or replace function jims.newest_events(
  p_thread_id uuid, p_before timestamp without time zone, p_before_id uuid,
  p_after timestamp without time zone, p_after_id uuid, p_limit integer, p_max_bytes bigint
) returns table (
  id uuid, "createdAt" text, type text, data json, bytes double precision, more boolean
)
language plpgsql stable as $$
declare
  v_event record;
  v_size bigint;
  v_taken integer := 0;
begin
  bytes := 0;
  more := false;
  for v_event in
    select e.event_id, e.created_at, e.event_type, e.event_data from original.thread_events e
    where e.thread_id = p_thread_id
      and (e.created_at, e.event_id)
        < (coalesce(p_before, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      and (e.created_at, e.event_id)
        > (coalesce(p_after, '-infinity'), coalesce(p_after_id, '00000000-0000-0000-0000-000000000000'))
    order by e.created_at desc, e.event_id desc
  loop
    v_size := coalesce(octet_length(v_event.event_data::text), 0);
    more := v_taken > 0 and (v_taken >= p_limit or bytes + v_size > p_max_bytes);
    exit when more;
    bytes := bytes + v_size;
    id := v_event.event_id;
    "createdAt" := jims.iso(v_event.created_at);
    type := v_event.event_type;
    data := v_event.event_data;
    return next;
    v_taken := v_taken + 1;
  end loop;
  id := null;
  type := null;
  data := null;
  return next;
end
$$;
