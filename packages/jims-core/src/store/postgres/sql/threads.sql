-- Finding and making threads.
--
-- :'superseded' stands for the beginning of the external id of a thread that another one replaced.

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

-- Makes a thread, which always begins with its event thread_created. Nulls when this id is taken.
create or replace function jims.create_thread(
  p_id uuid, p_contact_id text, p_external_id text, p_config jsonb, p_event_id uuid
) returns jims.thread
language plpgsql as $$
declare
  v_thread jims.thread;
begin
  if exists (select from jims.erasing where thread_id = p_id) then
    raise lock_not_available using message = 'jims: what a thread of this id had is being erased';
  end if;
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

-- Gets a thread by its id, or the contact's by its external id, or makes it.
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
      v_id := jims.external_thread(p_contact_id, p_external_id);
      exit when v_id is not null or look = 2;
      -- Not there: it is looked for again when nobody else can be making it.
      perform jims.lock_external_id(p_contact_id, p_external_id);
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

-- The thread that a run is for, with its row locked. Without p_new_thread_id it is the thread of p_thread_id;
-- nulls when that does not exist or is not the contact's. With it, it is the contact's latest thread, or a
-- new one of that id.
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
      -- Not there: it is looked for again when nobody else can be making it.
      perform pg_advisory_xact_lock(hashtextextended('jims.contact:' || p_contact_id, 0));
      v_contact_locked := true;
    end if;
  end loop;
  return v_thread;
end
$$;

-- Appends events outside a run; returns their times. Null when there is no such thread, an empty list when
-- it must be idle and is not.
create or replace function jims.append_to_thread(
  p_thread_id uuid, p_ids uuid[], p_types text[], p_data json[], p_when_idle boolean
) returns text[]
language plpgsql set lock_timeout = '5s' as $$
begin
  perform from original.threads where thread_id = p_thread_id for no key update;
  if not found then
    return null;
  end if;
  if p_when_idle and exists (
    select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running'))
  then
    return '{}';
  end if;
  return jims.append_events(p_thread_id, p_ids, p_types, p_data);
end
$$;
