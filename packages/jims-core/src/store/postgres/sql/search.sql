-- Finding threads by words of their messages. Words are made by the processes, in the same way for every store,
-- so that no setting of the database changes what is found.
--
-- :search_hits stands for how many messages a search takes from the index, :search_rare for how many are few.

-- What comes before each word of a contact's messages. It is kept, so it must be the same on every server.
create or replace function jims.words_of(p_contact_id text) returns text
language sql immutable as $$
  select encode(substr(sha256(convert_to(coalesce('c' || p_contact_id, ''), 'UTF8')), 1, 8), 'hex') || ' '
$$;

-- What finds all of these words in messages of a contact, the last one as a beginning.
create or replace function jims.words_query(p_contact_id text, p_words text[]) returns tsquery
language sql immutable as $$
  select string_agg(
    quote_literal(jims.words_of(p_contact_id) || word)
      || case when place = cardinality(p_words) then ':*' else '' end, ' & ')::tsquery
  from unnest(p_words) with ordinality as w (word, place)
$$;

-- Puts some more messages of a thread that was there before among those that the search does not know. False
-- when there is no such thread.
create or replace function jims.queue_old_messages(p_limit integer) returns boolean
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_thread jims.unindexed_threads;
  v_event record;
  v_seen integer := 0;
begin
  select * into v_thread from jims.unindexed_threads limit 1 for update skip locked;
  if not found then
    return false;
  end if;
  for v_event in
    select e.created_at, e.event_id, e.event_type from original.thread_events e
    where e.thread_id = v_thread.thread_id
      and (e.created_at, e.event_id) > (
        coalesce(v_thread.created_at, '-infinity'),
        coalesce(v_thread.event_id, '00000000-0000-0000-0000-000000000000'))
    order by e.created_at, e.event_id limit p_limit
  loop
    v_seen := v_seen + 1;
    if jims.is_message(v_event.event_type) then
      insert into jims.unindexed (thread_id, event_id) values (v_thread.thread_id, v_event.event_id);
    end if;
  end loop;
  if v_seen = p_limit then
    update jims.unindexed_threads set created_at = v_event.created_at, event_id = v_event.event_id
    where thread_id = v_thread.thread_id;
  else
    delete from jims.unindexed_threads where thread_id = v_thread.thread_id;
  end if;
  return true;
end
$$;

-- Gives messages that the search does not know to a process, for half a minute: their texts, p_chars of each.
-- Others are given others meanwhile, or learn that somebody is at work.
create or replace function jims.take_unindexed(p_limit integer, p_chars integer) returns json
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_rows tid[];
  v_taken json;
begin
  loop
    v_rows := array(
      select ctid from jims.unindexed
      where claimed_until is null or claimed_until < clock_timestamp()
      limit p_limit for update skip locked);
    exit when cardinality(v_rows) > 0 or not jims.queue_old_messages(p_limit);
  end loop;
  if cardinality(v_rows) = 0 then
    return json_build_object(
      'messages', json_build_array(), 'isBusy', exists (select from jims.unindexed));
  end if;
  with taken as (
    update jims.unindexed set claimed_until = clock_timestamp() + interval '30 seconds'
    where ctid = any (v_rows)
    returning ctid as taken_row, thread_id, event_id
  )
  select json_agg(json_build_object(
    'row', taken_row, 'threadId', thread_id, 'eventId', event_id,
    'text', (
      select jims.text_in(e.event_data, 'content', p_chars) from original.thread_events e
      where e.thread_id = taken.thread_id and e.event_id = taken.event_id)))
  into v_taken from taken;
  return json_build_object('messages', v_taken, 'isBusy', false);
end
$$;

-- Lets the search know messages that were taken, by their words.
create or replace function jims.put_words(p_messages json) returns void
language plpgsql set enable_seqscan = off as $$
begin
  insert into jims.message_search (thread_id, event_id, words)
  select distinct on (m."threadId", m."eventId") m."threadId", m."eventId", array_to_tsvector(array(
    select jims.words_of(t.contact_id) || word from json_array_elements_text(m.words) as word))
  from json_to_recordset(p_messages) as m ("threadId" uuid, "eventId" uuid, words json)
    join original.threads t on t.thread_id = m."threadId"
    join original.thread_events e on e.thread_id = m."threadId" and e.event_id = m."eventId"
  order by m."threadId", m."eventId"
  on conflict (thread_id, event_id) do update set words = excluded.words;
  -- A row that another process took meanwhile is not at its place any more.
  delete from jims.unindexed
  where ctid = any (array(
      select m."row"::tid from json_to_recordset(p_messages) as m ("row" text)))
    and (thread_id, event_id) in (
      select m."threadId", m."eventId"
      from json_to_recordset(p_messages) as m ("threadId" uuid, "eventId" uuid));
end
$$;

-- The threads with messages of a contact that have all of these words; of the first :search_hits messages
-- that the index gives. By a bitmap of the index alone, whatever the planner knows of the table.
create or replace function jims.threads_with_words(p_query tsquery) returns setof uuid
language plpgsql stable set enable_seqscan = off set enable_indexscan = off as $$
begin
  return query
    select distinct hit.thread_id from (
      select s.thread_id from jims.message_search s where s.words @@ p_query limit :search_hits
    ) as hit;
end
$$;

-- The same for words that few messages have, all of their threads; null when more than :search_rare have them.
create or replace function jims.threads_with_rare_words(p_query tsquery) returns uuid[]
language plpgsql stable set enable_seqscan = off set enable_indexscan = off as $$
declare
  v_threads uuid[];
begin
  v_threads := array(
    select s.thread_id from jims.message_search s where s.words @@ p_query limit :search_rare + 1);
  return case when cardinality(v_threads) <= :search_rare then v_threads end;
end
$$;
