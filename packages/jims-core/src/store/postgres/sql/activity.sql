-- What changes in a thread with each event, for lists of threads.
--
-- :'superseded' stands for the beginning of the external id of a thread that another one replaced.

-- The beginning of a string in the data of an event; null when it has none. JSON of other programs may have
-- NUL or half a character in it, which PostgreSQL does not read: these are replaced.
create or replace function jims.text_in(p_data json, p_name text, p_max integer) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_value json;
begin
  v_value := p_data -> p_name;
  if json_typeof(v_value) is distinct from 'string' then
    return null;
  end if;
  return left(v_value #>> '{}', p_max);
exception when data_exception then
  begin
    v_value := regexp_replace(
      p_data::text, '\\u(0000|d[89a-f][0-9a-f]{2})', '\\ufffd', 'gi')::json -> p_name;
    return case when json_typeof(v_value) = 'string' then left(v_value #>> '{}', p_max) end;
  exception when data_exception then
    return null;
  end;
end
$$;

-- The beginning of a string, for one line: what breaks a line takes no room, and … ends what is cut.
create or replace function jims.line_in(p_data json, p_name text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  v_text text := jims.text_in(p_data, p_name, 4097);
  v_line text := left(regexp_replace(v_text, '\s+', ' ', 'g'), 400);
begin
  return case when length(v_text) > 4096 and length(v_line) < 400 then v_line || '…' else v_line end;
end
$$;

create or replace function jims.is_message(p_type text) returns boolean
language sql immutable as $$
  select split_part(p_type, '.', 1) = 'comm'
$$;

-- A thread that gets another title, or whose messages are rated, does not go on by that.
create or replace function jims.moves_thread(p_type text) returns boolean
language sql immutable as $$
  select p_type not in ('jims.thread.titled', 'feedback.given', 'feedback.withdrawn')
$$;

-- Whether a message of a thread has such feedback.
create or replace function jims.has_feedback(p_thread_id uuid, p_value text) returns boolean
language plpgsql stable as $$
begin
  return exists (select from jims.feedback where thread_id = p_thread_id and value = p_value);
end
$$;

-- Whether a question of a thread to its contact is open.
create or replace function jims.is_waiting(p_thread_id uuid) returns boolean
language plpgsql stable as $$
begin
  return exists (
    select from jims.questions
    where thread_id = p_thread_id and state = 'open' and audience = 'contact');
end
$$;

-- Waits until nobody else is at work on jims.thread_activity, whose rows are written under this lock alone: no
-- writer waits for one of them, and what was committed before is seen by the statements that follow. Without
-- waiting, false when somebody is at work.
create or replace function jims.lock_activity(p_waits boolean) returns boolean
language plpgsql as $$
declare
  v_key bigint := hashtextextended('jims.thread_activity', pg_typeof(null::jims.noted)::oid::bigint);
begin
  if not p_waits then
    return pg_try_advisory_xact_lock(v_key);
  end if;
  perform pg_advisory_xact_lock(v_key);
  return true;
end
$$;

-- Makes the rows of threads from all that there is; of those that are gone, none. Under the lock.
create or replace function jims.refresh_activity(p_thread_ids uuid[]) returns void
language plpgsql as $$
begin
  insert into jims.thread_activity as a
    (thread_id, contact_id, superseded, waiting, up, down, last_event_at, first_message_id,
     last_message_id, title_id)
  select
    t.thread_id, t.contact_id, coalesce(starts_with(t.external_id, :'superseded'), false),
    jims.is_waiting(t.thread_id),
    jims.has_feedback(t.thread_id, 'up'), jims.has_feedback(t.thread_id, 'down'),
    coalesce(
      (select e.created_at from original.thread_events e
       where e.thread_id = t.thread_id and jims.moves_thread(e.event_type)
       order by e.created_at desc, e.event_id desc limit 1),
      t.created_at),
    (select e.event_id from original.thread_events e
     where e.thread_id = t.thread_id and jims.is_message(e.event_type)
       and jims.text_in(e.event_data, 'role', 5) = 'user'
     order by e.created_at, e.event_id limit 1),
    (select e.event_id from original.thread_events e
     where e.thread_id = t.thread_id and jims.is_message(e.event_type)
     order by e.created_at desc, e.event_id desc limit 1),
    -- Where one is to be looked for, it is among the last ones: those before this version had no title.
    (select e.event_id from (
       select event_type, created_at, event_id from original.thread_events
       where thread_id = t.thread_id order by created_at desc, event_id desc limit 1000
     ) as e
     where e.event_type = 'jims.thread.titled'
     order by e.created_at desc, e.event_id desc limit 1)
  from original.threads t where t.thread_id = any (p_thread_ids)
  on conflict (thread_id) do update
  set contact_id = excluded.contact_id, superseded = excluded.superseded, waiting = excluded.waiting,
      up = excluded.up, down = excluded.down, last_event_at = excluded.last_event_at,
      first_message_id = excluded.first_message_id, last_message_id = excluded.last_message_id,
      title_id = coalesce(excluded.title_id, a.title_id);
end
$$;

-- Makes the rows of the next p_limit threads that were there before the triggers. True when all are made.
-- Processes that do so at the same time have their turns.
create or replace function jims.backfill_activity(p_limit integer) returns boolean
language plpgsql set enable_seqscan = off as $$
declare
  v_done boolean;
  v_looked_at uuid;
  v_ids uuid[];
begin
  select is_done, looked_at into v_done, v_looked_at from jims.backfills
  where name = 'activity' for update;
  if coalesce(v_done, true) then
    return true;
  end if;
  perform jims.lock_activity(true);
  select coalesce(array_agg(thread_id order by thread_id), '{}') into v_ids from (
    select thread_id from original.threads
    where thread_id > coalesce(v_looked_at, '00000000-0000-0000-0000-000000000000')
    order by thread_id limit p_limit
  ) as next;
  perform jims.refresh_activity(v_ids);
  insert into jims.unindexed_threads (thread_id) select unnest(v_ids) on conflict do nothing;
  v_done := cardinality(v_ids) < p_limit;
  update jims.backfills
  set looked_at = coalesce(v_ids[cardinality(v_ids)], looked_at), is_done = v_done
  where name = 'activity';
  return v_done;
end
$$;
