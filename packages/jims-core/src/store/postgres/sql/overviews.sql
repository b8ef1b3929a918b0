-- Threads as lists show them.
--
-- :search_look_at stands for how many messages a search looks at before it asks the index for the rest.

-- Column by column: the original's table could not be altered under a function that takes its rows.
create or replace function jims.overview_json(
  p_id uuid, p_contact_id text, p_external_id text, p_created_at timestamp without time zone,
  p_config jsonb, a jims.thread_activity, p_first json, p_last json
) returns json
language sql stable as $$
  select json_build_object(
    'id', p_id, 'contactId', p_contact_id, 'externalId', p_external_id,
    'createdAt', jims.iso(p_created_at), 'config', p_config,
    'title', a.title,
    -- More than a title has, as it may begin with spaces.
    'firstText', jims.text_in(p_first, 'content', 1000),
    'lastEventAt', jims.iso(a.last_event_at),
    'lastRole', jims.text_in(p_last, 'role', 100),
    'lastText', jims.text_in(p_last, 'content', 1000),
    'hasMessage', p_last is not null,
    'isWaiting', a.waiting)
$$;

create or replace function jims.thread_overview(p_thread_id uuid) returns json
language plpgsql stable as $$
begin
  return (
    select jims.overview_json(
      t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config, a,
      f.event_data, l.event_data)
    from original.threads t join jims.thread_activity a using (thread_id)
    left join original.thread_events f
      on f.thread_id = t.thread_id and f.event_id = a.first_message_id
    left join original.thread_events l
      on l.thread_id = t.thread_id and l.event_id = a.last_message_id
    where t.thread_id = p_thread_id);
end
$$;

-- The SQL that gives threads in their order: $1 to $8 are p_contact_id, p_external_id, p_before, p_before_id,
-- the limit, ids to choose from, and the position up to which all were looked at.
create or replace function jims.threads_sql(
  p_contact_id text, p_external_id text, p_current boolean, p_before timestamp without time zone,
  p_order text, p_feedback text, p_waiting boolean, p_among boolean
) returns text
language plpgsql immutable as $$
declare
  v_at text := case p_order when 'created' then 't.created_at' else 'a.last_event_at' end;
  v_part text;
begin
  -- Between dollars, as the name of the schema may have quotes in it.
  v_part := 'select t.thread_id, ' || v_at || $sql$ as at, t.contact_id
    from jims.thread_activity a join original.threads t using (thread_id) where true $sql$;
  if p_contact_id is not null then
    v_part := v_part || case p_order
      when 'created' then ' and t.contact_id = $1'
      else ' and hashtextextended(a.contact_id, 0) = hashtextextended($1, 0) and t.contact_id = $1'
    end;
  end if;
  if p_external_id is not null then
    v_part := v_part
      || ' and hashtextextended(t.external_id, 0) = hashtextextended($2, 0) and t.external_id = $2';
  end if;
  if p_before is not null then
    v_part := v_part || ' and (' || v_at || ', ' || case p_order
      when 'created' then 't.thread_id' else 'a.thread_id' end || ') < ($3, $4)';
  end if;
  if p_feedback is not null then
    v_part := v_part || case p_feedback when 'up' then ' and a.up > 0' else ' and a.down > 0' end;
  end if;
  if p_waiting then
    v_part := v_part || ' and a.waiting';
  end if;
  if p_among then
    v_part := v_part || ' and a.thread_id = any ($6)';
  end if;
  if p_order = 'created' then
    return v_part || case when p_current then ' and not a.superseded' else '' end
      || ' order by t.created_at desc, t.thread_id desc limit $5';
  end if;
  v_part := v_part || ' and a.superseded = %s order by a.last_event_at desc, a.thread_id desc limit $5';
  if p_current then
    return format(v_part, 'false');
  end if;
  return format(
    'select * from ((' || v_part || ') union all (' || v_part
      || ')) as part order by at desc, thread_id desc limit $5',
    'false', 'true');
end
$$;

-- The ids of threads in their order, p_limit at most. With words, those of the threads whose messages have
-- them: threads are looked at one after the other, as long as that is little; what comes after that is asked
-- of the index, if it is of one contact, and left out otherwise.
create or replace function jims.ordered_threads(
  p_contact_id text, p_external_id text, p_current boolean,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer,
  p_order text, p_feedback text, p_waiting boolean, p_words text
) returns uuid[]
language plpgsql stable set enable_seqscan = off as $$
declare
  v_thread record;
  v_ids uuid[] := '{}';
  v_contact_id text;
  v_query tsquery;
  v_left integer := case when p_contact_id is null then :search_look_at * 10 else :search_look_at end;
  v_has record;
  v_before timestamp := p_before;
  v_before_id uuid := p_before_id;
begin
  if p_words is null then
    for v_thread in execute jims.threads_sql(
        p_contact_id, p_external_id, p_current, p_before, p_order, p_feedback, p_waiting, false)
      using p_contact_id, p_external_id, p_before, p_before_id, p_limit, null::uuid[]
    loop
      v_ids := v_ids || v_thread.thread_id;
    end loop;
    return v_ids;
  end if;

  v_contact_id := p_contact_id;
  v_query := jims.words_query(v_contact_id, p_words);
  if v_query is null then
    return v_ids;
  end if;
  for v_thread in execute jims.threads_sql(
      p_contact_id, p_external_id, p_current, p_before, p_order, p_feedback, p_waiting, false)
    using p_contact_id, p_external_id, p_before, p_before_id, v_left, null::uuid[]
  loop
    if v_thread.contact_id is distinct from v_contact_id then
      v_contact_id := v_thread.contact_id;
      v_query := jims.words_query(v_contact_id, p_words);
    end if;
    v_has := jims.has_words(v_thread.thread_id, v_query, v_left);
    -- Looking at a thread without messages costs something, too.
    v_left := v_left - v_has.looked_at - 1;
    exit when v_has.found is null;
    if v_has.found then
      v_ids := v_ids || v_thread.thread_id;
    end if;
    v_before := v_thread.at;
    v_before_id := v_thread.thread_id;
    exit when cardinality(v_ids) >= p_limit or v_left <= 0;
  end loop;
  if cardinality(v_ids) >= p_limit or v_has.found is not null and v_left > 0 or v_has is null
    or p_contact_id is null
  then
    return v_ids;
  end if;

  for v_thread in execute jims.threads_sql(
      p_contact_id, p_external_id, p_current, v_before, p_order, p_feedback, p_waiting, true)
    using p_contact_id, p_external_id, v_before, v_before_id, p_limit - cardinality(v_ids),
          array(select jims.threads_with_words(jims.words_query(p_contact_id, p_words)))
  loop
    v_ids := v_ids || v_thread.thread_id;
  end loop;
  return v_ids;
end
$$;

-- Threads in an order: p_limit threads and p_max_bytes at most, but one thread at least. The last row has no
-- thread: it has whether there are more.
create or replace function jims.list_overviews(
  p_contact_id text, p_external_id text, p_current boolean,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer, p_max_bytes bigint,
  p_order text, p_feedback text, p_waiting boolean, p_words text
) returns table (thread json, more boolean)
language plpgsql stable set enable_seqscan = off as $$
declare
  v_ids uuid[] := jims.ordered_threads(
    p_contact_id, p_external_id, p_current, p_before, p_before_id, p_limit + 1, p_order, p_feedback,
    p_waiting, p_words);
  v_thread json;
  v_bytes bigint := 0;
  v_taken integer := 0;
begin
  more := false;
  for v_thread in
    select jims.overview_json(
      t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config, a,
      f.event_data, l.event_data)
    from unnest(v_ids) with ordinality as listed (thread_id, place)
    join original.threads t using (thread_id)
    join jims.thread_activity a using (thread_id)
    left join original.thread_events f
      on f.thread_id = t.thread_id and f.event_id = a.first_message_id
    left join original.thread_events l
      on l.thread_id = t.thread_id and l.event_id = a.last_message_id
    order by place
  loop
    v_bytes := v_bytes + octet_length(v_thread::text);
    more := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);
    exit when more;
    thread := v_thread;
    return next;
    v_taken := v_taken + 1;
  end loop;
  thread := null;
  return next;
end
$$;
