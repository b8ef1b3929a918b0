-- What changes in a thread with each event, for lists of threads.
--
-- :'superseded' stands for the beginning of the external id of a thread that another one replaced.

-- The beginning of a text in the data of an event; null when it has none. JSON of other programs may have
-- NUL or half a character in it, which PostgreSQL does not read: these are replaced.
create or replace function jims.text_in(p_data json, p_name text, p_max integer) returns text
language plpgsql immutable as $$
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

-- The beginning of a text for a line of it: what breaks a line takes no room, and … ends what is cut.
create or replace function jims.line_in(p_data json, p_name text) returns text
language plpgsql immutable as $$
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

-- Makes the row of a thread from all that there is. What was noted meanwhile is newer, and stays.
create or replace function jims.refresh_activity(p_thread_id uuid) returns void
language plpgsql as $$
begin
  insert into jims.thread_activity as a
    (thread_id, contact_id, superseded, waiting, up, down, last_event_at, first_message_id,
     last_message_id, title)
  select
    t.thread_id, t.contact_id, coalesce(starts_with(t.external_id, :'superseded'), false),
    exists (
      select from jims.questions q
      where q.thread_id = t.thread_id and q.state = 'open' and q.audience = 'contact'),
    (select count(*) from jims.feedback f where f.thread_id = t.thread_id and f.value = 'up'),
    (select count(*) from jims.feedback f where f.thread_id = t.thread_id and f.value = 'down'),
    coalesce(
      (select e.created_at from original.thread_events e where e.thread_id = t.thread_id
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
    (select jims.line_in(e.event_data, 'title') from (
       select event_type, event_data, created_at, event_id from original.thread_events
       where thread_id = t.thread_id order by created_at desc, event_id desc limit 1000
     ) as e
     where e.event_type = 'jims.thread.titled'
     order by e.created_at desc, e.event_id desc limit 1)
  from original.threads t where t.thread_id = p_thread_id
  on conflict (thread_id) do update
  set contact_id = excluded.contact_id, superseded = excluded.superseded, waiting = excluded.waiting,
      up = excluded.up, down = excluded.down, last_event_at = excluded.last_event_at,
      first_message_id = excluded.first_message_id, last_message_id = excluded.last_message_id,
      title = coalesce(excluded.title, a.title)
  where excluded.last_event_at >= a.last_event_at;
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
  select coalesce(array_agg(thread_id order by thread_id), '{}') into v_ids from (
    select thread_id from original.threads
    where thread_id > coalesce(v_looked_at, '00000000-0000-0000-0000-000000000000')
    order by thread_id limit p_limit
  ) as next;
  perform jims.refresh_activity(id) from unnest(v_ids) as id;
  insert into jims.unindexed_threads (thread_id) select unnest(v_ids) on conflict do nothing;
  v_done := cardinality(v_ids) < p_limit;
  update jims.backfills
  set looked_at = coalesce(v_ids[cardinality(v_ids)], looked_at), is_done = v_done
  where name = 'activity';
  return v_done;
end
$$;

-- The triggers. They run with the rights of the role that made them: the role of the original need not have
-- any on our tables. So no role may put an operator of its own before those that are meant: by a search path,
-- or, as to set one takes a tenth of what the trigger takes in every turn, by their whole names.

-- What an event says beside that it came.
create or replace function jims.note_details(
  p_thread_id uuid, p_event_id uuid, p_type text, p_data json
) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if p_type = 'jims.thread.titled' then
    update jims.thread_activity set title = jims.line_in(p_data, 'title') where thread_id = p_thread_id;
  elsif jims.is_message(p_type) and jims.text_in(p_data, 'role', 5) = 'user' then
    update jims.thread_activity set first_message_id = p_event_id
    where thread_id = p_thread_id and first_message_id is null;
  end if;
end
$$;

create or replace function jims.note_missing(p_thread_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform jims.refresh_activity(p_thread_id);
end
$$;

create or replace function jims.note_event() returns trigger
language plpgsql security definer as $$
declare
  v_is_message boolean := pg_catalog.starts_with(new.event_type, 'comm.');
  v_has_first boolean;
begin
  update jims.thread_activity a
  set last_event_at = greatest(a.last_event_at, new.created_at),
      last_message_id = case when v_is_message then new.event_id else a.last_message_id end
  where a.thread_id operator(pg_catalog.=) new.thread_id
  returning a.first_message_id is not null into v_has_first;
  if v_has_first is null then
    perform jims.note_missing(new.thread_id);
  elsif (v_is_message and not v_has_first)
    or new.event_type operator(pg_catalog.=) 'jims.thread.titled'
  then
    perform jims.note_details(new.thread_id, new.event_id, new.event_type, new.event_data);
  end if;
  if v_is_message then
    insert into jims.unindexed (thread_id, event_id) values (new.thread_id, new.event_id);
  end if;
  return null;
end
$$;

create or replace function jims.note_thread() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into jims.thread_activity (thread_id, contact_id, superseded, last_event_at)
    values (new.thread_id, new.contact_id,
            coalesce(starts_with(new.external_id, :'superseded'), false), new.created_at)
    on conflict do nothing;
  elsif tg_op = 'UPDATE' then
    if old.contact_id is distinct from new.contact_id
      or old.external_id is distinct from new.external_id
    then
      update jims.thread_activity
      set contact_id = new.contact_id,
          superseded = coalesce(starts_with(new.external_id, :'superseded'), false)
      where thread_id = new.thread_id;
    end if;
    if old.contact_id is distinct from new.contact_id then
      insert into jims.unindexed_threads (thread_id) values (new.thread_id)
      on conflict (thread_id) do update set created_at = null, event_id = null;
    end if;
  else
    delete from jims.thread_activity where thread_id = old.thread_id;
    update jims.files set state = 'erasing' where thread_id = old.thread_id and state <> 'erasing';
    insert into jims.forgetting (thread_id) values (old.thread_id)
    on conflict (thread_id) do update set since = excluded.since;
  end if;
  return null;
end
$$;

-- Of a question to the contact: whether one is open.
create or replace function jims.note_question() returns trigger
language plpgsql as $$
declare
  v_thread_id uuid := coalesce(new.thread_id, old.thread_id);
begin
  update jims.thread_activity
  set waiting = exists (
    select from jims.questions
    where thread_id = v_thread_id and state = 'open' and audience = 'contact')
  where thread_id = v_thread_id;
  return null;
end
$$;
