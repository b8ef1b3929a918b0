-- Threads as lists show them.
--
-- :search_look_at stands for how many messages a search looks at before it asks the index for the rest.

-- Column by column: the original's table could not be altered under a function that takes its rows.
create or replace function jims.overview_json(
  p_id uuid, p_contact_id text, p_external_id text, p_created_at timestamp without time zone,
  p_config jsonb, a jims.thread_activity, p_first json, p_last json, p_titled json
) returns json
language sql stable as $$
  select json_build_object(
    'id', p_id, 'contactId', p_contact_id, 'externalId', p_external_id,
    'createdAt', jims.iso(p_created_at), 'config', p_config,
    'title', jims.line_in(p_titled, 'title'),
    'firstText', jims.line_in(p_first, 'content'),
    'lastEventAt', jims.iso(a.last_event_at),
    'lastRole', jims.text_in(p_last, 'role', 100),
    'lastText', jims.line_in(p_last, 'content'),
    'hasMessage', p_last is not null,
    'isWaiting', a.waiting)
$$;

create or replace function jims.thread_overview(p_thread_id uuid) returns json
language plpgsql stable as $$
begin
  return (
    select jims.overview_json(
      t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config, a,
      f.event_data, l.event_data, n.event_data)
    from original.threads t join jims.thread_activity a using (thread_id)
    left join original.thread_events f
      on f.thread_id = t.thread_id and f.event_id = a.first_message_id
    left join original.thread_events l
      on l.thread_id = t.thread_id and l.event_id = a.last_message_id
    left join original.thread_events n
      on n.thread_id = t.thread_id and n.event_id = a.title_id
    where t.thread_id = p_thread_id);
end
$$;

-- The SQL that gives threads in their order. $1 to $6 are the contact, the external id, the position before
-- which they are, the limit, and the threads to choose from.
create or replace function jims.threads_sql(
  p_contact_id text, p_external_id text, p_current boolean, p_before timestamp without time zone,
  p_order text, p_feedback text, p_waiting boolean, p_among boolean
) returns text
language plpgsql immutable as $$
declare
  v_by_age boolean := p_order = 'created';
  v_at text := case when v_by_age then 't.created_at' else 'a.last_event_at' end;
  v_id text := case when v_by_age then 't.thread_id' else 'a.thread_id' end;
  v_order text := ' order by ' || v_at || ' desc, ' || v_id || ' desc limit $5';
  v_part text;
begin
  -- Between dollars, as the name of the schema may have quotes in it; and no format(), as it may have %.
  v_part := 'select a.thread_id, ' || v_at || ' as at, a.contact_id from '
    || case when p_among then '(select distinct unnest($6) as thread_id) as among join ' else '' end
    || $sql$ jims.thread_activity a $sql$
    || case when p_among then 'using (thread_id)' else '' end || $sql$
    join original.threads t using (thread_id)
    -- It may be another contact's by now; and one that is gone by now would count in the limit.
    where t.contact_id is not distinct from a.contact_id $sql$;
  if p_contact_id is not null then
    -- With threads to choose from, no index of all threads of the contact is to be used.
    v_part := v_part || case
      when p_among then ' and a.contact_id = $1'
      when v_by_age then ' and t.contact_id = $1'
      else ' and hashtextextended(a.contact_id, 0) = hashtextextended($1, 0) and a.contact_id = $1'
    end;
  end if;
  if p_external_id is not null then
    v_part := v_part
      || ' and hashtextextended(t.external_id, 0) = hashtextextended($2, 0) and t.external_id = $2';
  end if;
  if p_before is not null then
    v_part := v_part || ' and (' || v_at || ', ' || v_id || ') < ($3, $4)';
  end if;
  if p_feedback is not null then
    v_part := v_part || case p_feedback when 'up' then ' and a.up' else ' and a.down' end;
  end if;
  if p_waiting is not null then
    v_part := v_part || case when p_waiting then ' and a.waiting' else ' and not a.waiting' end;
  end if;
  if v_by_age then
    return v_part || case when p_current then ' and not a.superseded' else '' end || v_order;
  end if;
  v_part := v_part || ' and a.superseded = ';
  if p_current then
    return v_part || 'false' || v_order;
  end if;
  return 'select * from ((' || v_part || 'false' || v_order || ') union all ('
    || v_part || 'true' || v_order || ')) as part order by at desc, thread_id desc limit $5';
end
$$;

-- Threads in the order of an index: however many a contact has, the first ones are all that is read.
create or replace function jims.threads_walked(
  p_sql text, p_contact_id text, p_before timestamp without time zone, p_before_id uuid, p_limit integer
) returns table (thread_id uuid, at timestamp without time zone, contact_id text)
language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query execute p_sql
    using p_contact_id, null::text, p_before, p_before_id, p_limit, null::uuid[];
end
$$;

-- Threads that are sorted when they are found.
create or replace function jims.threads_sorted(
  p_sql text, p_contact_id text, p_external_id text,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer, p_among uuid[]
) returns table (thread_id uuid, at timestamp without time zone, contact_id text)
language plpgsql stable set enable_seqscan = off as $$
begin
  return query execute p_sql
    using p_contact_id, p_external_id, p_before, p_before_id, p_limit, p_among;
end
$$;

-- The threads that a list without words has, from a position on.
create or replace function jims.next_threads(
  p_contact_id text, p_external_id text, p_current boolean,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer,
  p_order text, p_feedback text, p_waiting boolean, p_among uuid[]
) returns table (thread_id uuid, at timestamp without time zone, contact_id text)
language plpgsql stable as $$
declare
  v_sql text := jims.threads_sql(
    p_contact_id, p_external_id, p_current, p_before, p_order, p_feedback, p_waiting,
    p_among is not null);
begin
  -- By age there is no index for each filter.
  if p_external_id is not null or p_among is not null
    or (p_order = 'created' and (p_feedback is not null or coalesce(p_waiting, false)))
  then
    return query select * from jims.threads_sorted(
      v_sql, p_contact_id, p_external_id, p_before, p_before_id, p_limit, p_among);
  else
    return query select * from jims.threads_walked(
      v_sql, p_contact_id, p_before, p_before_id, p_limit);
  end if;
end
$$;

-- The ids of threads in their order, p_limit at most. With words, those of the threads with a message that has
-- them: threads are looked at one after the other, as long as that is little; what comes after that is asked
-- of the index, if it is of one contact, and left out otherwise. The index is asked early for words that few of the
-- first threads have: it knows what is rare at once.
create or replace function jims.ordered_threads(
  p_contact_id text, p_external_id text, p_current boolean,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer,
  p_order text, p_feedback text, p_waiting boolean, p_words text[]
) returns uuid[]
language plpgsql stable as $$
declare
  v_thread record;
  v_ids uuid[] := '{}';
  v_contact_id text := p_contact_id;
  v_query tsquery;
  v_left integer := case when p_contact_id is null then :search_look_at * 10 else :search_look_at end;
  v_has_them boolean;
  v_looked_at integer;
  -- How many threads are looked at in this step, and in all before the index is asked.
  v_step integer := case when p_contact_id is null then v_left else least(p_limit + 5, v_left) end;
  v_threads_left integer := v_left;
  v_seen integer;
  v_among uuid[];
  v_before timestamp := p_before;
  v_before_id uuid := p_before_id;
begin
  if p_words is null then
    return array(
      select n.thread_id from jims.next_threads(
        p_contact_id, p_external_id, p_current, p_before, p_before_id, p_limit, p_order, p_feedback,
        p_waiting, null) as n);
  end if;

  v_query := jims.words_query(v_contact_id, p_words);
  <<steps>>
  loop
    v_seen := 0;
    for v_thread in
      select * from jims.next_threads(
        p_contact_id, p_external_id, p_current, v_before, v_before_id, v_step, p_order, p_feedback,
        p_waiting, null)
    loop
      v_seen := v_seen + 1;
      if v_thread.contact_id is distinct from v_contact_id then
        v_contact_id := v_thread.contact_id;
        v_query := jims.words_query(v_contact_id, p_words);
      end if;
      select coalesce(bool_or(match), false), count(*) into v_has_them, v_looked_at from (
        select s.words @@ v_query as match from jims.message_search s
        where s.thread_id = v_thread.thread_id limit v_left
      ) as looked;
      -- The thread has more messages than are looked at, and none of these has the words.
      exit steps when not v_has_them and v_looked_at >= v_left;
      if v_has_them then
        v_ids := v_ids || v_thread.thread_id;
      end if;
      v_before := v_thread.at;
      v_before_id := v_thread.thread_id;
      v_left := v_left - v_looked_at;
      if cardinality(v_ids) >= p_limit then
        return v_ids;
      end if;
      exit steps when v_left <= 0;
    end loop;
    if v_seen < v_step then
      return v_ids;
    end if;
    v_threads_left := v_threads_left - v_step;
    exit steps when v_threads_left = 0;
    if cardinality(v_ids) * 8 < v_seen then
      v_among := jims.threads_with_rare_words(v_query);
      exit steps when v_among is not null;
    end if;
    v_step := v_threads_left;
  end loop;
  if p_contact_id is null then
    return v_ids;
  end if;
  if v_among is null then
    v_among := array(select jims.threads_with_words(jims.words_query(p_contact_id, p_words)));
  end if;
  return v_ids || array(
    select n.thread_id from jims.next_threads(
      p_contact_id, p_external_id, p_current, v_before, v_before_id, p_limit - cardinality(v_ids),
      p_order, p_feedback, p_waiting, v_among) as n);
end
$$;

-- Threads in an order, as jims.bounded gives them.
create or replace function jims.list_overviews(
  p_contact_id text, p_external_id text, p_current boolean,
  p_before timestamp without time zone, p_before_id uuid, p_limit integer, p_max_bytes bigint,
  p_order text, p_feedback text, p_waiting boolean, p_words text[]
) returns table (thread json, more boolean)
-- To plan its statement takes longer than the rest.
language plpgsql stable set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_ids uuid[] := jims.ordered_threads(
    p_contact_id, p_external_id, p_current, p_before, p_before_id, p_limit + 1, p_order, p_feedback,
    p_waiting, p_words);
  v_rows refcursor;
begin
  open v_rows for
    select jims.overview_json(
      t.thread_id, t.contact_id, t.external_id, t.created_at, t.thread_config, a,
      f.event_data, l.event_data, n.event_data)
    from unnest(v_ids) with ordinality as listed (thread_id, place)
    join original.threads t using (thread_id)
    join jims.thread_activity a using (thread_id)
    left join original.thread_events f
      on f.thread_id = t.thread_id and f.event_id = a.first_message_id
    left join original.thread_events l
      on l.thread_id = t.thread_id and l.event_id = a.last_message_id
    left join original.thread_events n
      on n.thread_id = t.thread_id and n.event_id = a.title_id
    order by place;
  return query select * from jims.bounded(v_rows, p_limit, p_max_bytes);
end
$$;
