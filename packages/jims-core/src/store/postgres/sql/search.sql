-- Finding threads by words of their messages.
--
-- :search_chars stands for how much of a message is searched.

-- A text without the punctuation that would join words to an address, a path or a fraction.
create or replace function jims.plain_words(p_text text) returns text
language sql immutable as $$
  select translate(p_text, $chars$!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~$chars$, repeat(' ', 32))
$$;

-- What comes before each word of a contact's messages. It is kept, so it must be the same on every server.
create or replace function jims.words_of(p_contact_id text) returns text
language sql immutable as $$
  select encode(substr(sha256(convert_to(coalesce('c' || p_contact_id, ''), 'UTF8')), 1, 8), 'hex') || ' '
$$;

create or replace function jims.message_words(p_contact_id text, p_data json) returns tsvector
language plpgsql stable as $$
declare
  v_prefix text := jims.words_of(p_contact_id);
begin
  return array_to_tsvector(array(
    select distinct v_prefix || left(lexeme, 100)
    from unnest(to_tsvector(
      'simple', jims.plain_words(jims.text_in(p_data, 'content', :search_chars))))));
end
$$;

-- What finds all of these words in messages of a contact, the last one as a beginning; null without a word.
create or replace function jims.words_query(p_contact_id text, p_words text) returns tsquery
language plpgsql stable as $$
declare
  v_prefix text := jims.words_of(p_contact_id);
  v_query text;
begin
  select string_agg(
    '''' || v_prefix || replace(replace(left(lexeme, 100), '\', '\\'), '''', '''''') || ''''
      || case when last = max_last then ':*' else '' end, ' & ')
  into v_query
  from (
    select lexeme, positions[cardinality(positions)] as last,
           max(positions[cardinality(positions)]) over () as max_last
    from unnest(to_tsvector('simple', jims.plain_words(left(p_words, 500))))
  ) as word;
  return v_query::tsquery;
end
$$;

-- Lets the search know messages: some that are new, or else some of a thread that was there before. True
-- when there may be more. What another process is at is left to it.
create or replace function jims.index_messages(p_limit integer) returns boolean
language plpgsql set enable_seqscan = off as $$
declare
  v_since timestamp with time zone := clock_timestamp();
  v_taken integer := 0;
  v_piece integer;
  v_rows tid[];
  v_thread jims.unindexed_threads;
  v_last record;
begin
  loop
    v_rows := array(select ctid from jims.unindexed limit 50 for update skip locked);
    v_piece := cardinality(v_rows);
    exit when v_piece = 0;
    with taken as (
      delete from jims.unindexed where ctid = any (v_rows) returning thread_id, event_id
    )
    insert into jims.message_search (thread_id, event_id, words)
    select e.thread_id, e.event_id, jims.message_words(t.contact_id, e.event_data)
    from (select distinct thread_id, event_id from taken) as taken
      join original.thread_events e using (thread_id, event_id)
      join original.threads t using (thread_id)
    order by 1, 2
    on conflict (thread_id, event_id) do update set words = excluded.words;
    v_taken := v_taken + v_piece;
    if v_taken >= p_limit or clock_timestamp() > v_since + interval '200 milliseconds' then
      return true;
    end if;
  end loop;
  if v_taken > 0 then
    return exists (select from jims.unindexed_threads);
  end if;

  select * into v_thread from jims.unindexed_threads limit 1 for update skip locked;
  if not found then
    return false;
  end if;
  for v_last in
    select e.created_at, e.event_id, e.event_type, e.event_data, t.contact_id
    from original.threads t join original.thread_events e using (thread_id)
    where e.thread_id = v_thread.thread_id
      and (e.created_at, e.event_id) > (
        coalesce(v_thread.created_at, '-infinity'),
        coalesce(v_thread.event_id, '00000000-0000-0000-0000-000000000000'))
    order by e.created_at, e.event_id limit p_limit
  loop
    v_taken := v_taken + 1;
    if jims.is_message(v_last.event_type) then
      insert into jims.message_search (thread_id, event_id, words)
      values (v_thread.thread_id, v_last.event_id,
              jims.message_words(v_last.contact_id, v_last.event_data))
      on conflict (thread_id, event_id) do update set words = excluded.words;
    end if;
    exit when clock_timestamp() > v_since + interval '200 milliseconds';
  end loop;
  if v_taken > 0 then
    update jims.unindexed_threads set created_at = v_last.created_at, event_id = v_last.event_id
    where thread_id = v_thread.thread_id;
  else
    delete from jims.unindexed_threads where thread_id = v_thread.thread_id;
  end if;
  return true;
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

-- Looks for words in a thread, in so many of its messages. Null when it has more and none of these has them.
create or replace function jims.has_words(
  p_thread_id uuid, p_query tsquery, p_look_at integer, out found boolean, out looked_at integer
)
language plpgsql stable as $$
begin
  select coalesce(bool_or(match), false), count(*) into found, looked_at from (
    select s.words @@ p_query as match from jims.message_search s
    where s.thread_id = p_thread_id limit p_look_at
  ) as looked;
  if not found and looked_at >= p_look_at then
    found := null;
  end if;
end
$$;
