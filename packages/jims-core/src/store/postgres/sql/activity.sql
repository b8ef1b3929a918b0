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
-- or, as to set one takes time in every turn, by their whole names.

create or replace function jims.note_missing(p_thread_id uuid) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform jims.refresh_activity(p_thread_id);
end
$$;

-- Of all events of a statement at once: a row that is changed once for each of many would be read through all
-- that it was before.
create or replace function jims.note_events() returns trigger
language plpgsql security definer as $$
declare
  v_thread record;
  v_has_first boolean;
  v_has_messages boolean := false;
begin
  for v_thread in
    -- A thread that gets another title, or whose messages are rated, does not go on by that.
    select e.thread_id, pg_catalog.max(e.created_at) filter (where e.event_type operator(pg_catalog.<>) all
             (array['jims.thread.titled', 'feedback.given', 'feedback.withdrawn'])) as at,
           (pg_catalog.array_agg(e.event_id order by e.created_at desc, e.event_id desc)
            filter (where pg_catalog.starts_with(e.event_type, 'comm.')))[1] as message_id,
           pg_catalog.bool_or(e.event_type operator(pg_catalog.=) 'jims.thread.titled') as has_title
    from added e group by e.thread_id order by e.thread_id
  loop
    v_has_messages := v_has_messages or v_thread.message_id is not null;
    update jims.thread_activity a
    set last_event_at = greatest(a.last_event_at, v_thread.at),
        last_message_id = coalesce(v_thread.message_id, a.last_message_id)
    where a.thread_id operator(pg_catalog.=) v_thread.thread_id
    returning a.first_message_id is not null into v_has_first;
    if v_has_first is null then
      perform jims.note_missing(v_thread.thread_id);
      continue;
    end if;
    if v_thread.message_id is not null and not v_has_first then
      update jims.thread_activity a set first_message_id = (
        select e.event_id from added e
        where e.thread_id operator(pg_catalog.=) v_thread.thread_id
          and pg_catalog.starts_with(e.event_type, 'comm.')
          and jims.text_in(e.event_data, 'role', 5) operator(pg_catalog.=) 'user'
        order by e.created_at, e.event_id limit 1)
      where a.thread_id operator(pg_catalog.=) v_thread.thread_id;
    end if;
    if v_thread.has_title then
      update jims.thread_activity a set title = (
        select jims.line_in(e.event_data, 'title') from added e
        where e.thread_id operator(pg_catalog.=) v_thread.thread_id
          and e.event_type operator(pg_catalog.=) 'jims.thread.titled'
        order by e.created_at desc, e.event_id desc limit 1)
      where a.thread_id operator(pg_catalog.=) v_thread.thread_id;
    end if;
  end loop;
  if v_has_messages then
    insert into jims.unindexed (thread_id, event_id)
    select e.thread_id, e.event_id from added e where pg_catalog.starts_with(e.event_type, 'comm.');
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
