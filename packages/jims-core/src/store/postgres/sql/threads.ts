/** Functions that find, make and remove threads. */
export const THREAD_FUNCTIONS = `
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
    from original.threads where thread_id = p_id
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
  insert into original.threads (thread_id, contact_id, external_id, created_at, thread_config)
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
  select thread_id into v_id from original.threads where thread_id = p_thread_id;
  if v_id is null and p_external_id is not null then
    for look in 1..2 loop
      select thread_id into v_id from original.threads where external_id = p_external_id
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
    from original.threads
    where thread_id = p_thread_id and (p_contact_id is null or contact_id = p_contact_id)
    for no key update;
    return v_thread;
  end if;
  loop
    select thread_id into v_id from original.threads where contact_id = p_contact_id
    order by created_at desc, thread_id desc limit 1;
    if v_id is not null then
      select thread_id, contact_id, external_id, created_at, thread_config into v_thread
      from original.threads where thread_id = v_id for no key update;
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
  perform from original.threads where thread_id = p_thread_id for no key update;
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
      select event_id from original.thread_events where thread_id = any (p_ids)
      union all
      select run_id from jims.runs where thread_id = any (p_ids) and not incoming_stored)
    returning run_id
  )
  delete from jims.run_progress where run_id in (select run_id from erased);
  delete from original.thread_events where thread_id = any (p_ids);
  delete from original.threads where thread_id = any (p_ids);
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
    select thread_id from original.threads where thread_id = p_thread_id or contact_id = p_contact_id
    order by thread_id for update
  ) as locked;
  perform jims.erase_threads(v_ids);
  return v_ids;
end
$$;
`;
