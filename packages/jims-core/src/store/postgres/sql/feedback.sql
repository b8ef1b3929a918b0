-- What contacts think of messages.

-- Keeps a feedback, or takes it back when p_value is null. Returns what came of it.
create or replace function jims.set_feedback(
  p_thread_id uuid, p_message_id uuid, p_event_id uuid, p_type text, p_data json,
  p_value text, p_comment text, p_tags json
) returns text
language plpgsql set lock_timeout = '5s' as $$
declare
  v_old jims.feedback;
  v_message record;
begin
  perform from original.threads where thread_id = p_thread_id for no key update;
  if not found then
    return 'thread_not_found';
  end if;
  select event_type, jims.text_in(event_data, 'role', 10) as role into v_message
  from original.thread_events where thread_id = p_thread_id and event_id = p_message_id;
  if not found or not jims.is_message(v_message.event_type)
    or v_message.role is distinct from 'assistant'
  then
    return 'message_not_found';
  end if;
  select * into v_old from jims.feedback
  where thread_id = p_thread_id and message_id = p_message_id;
  if v_old.value is not distinct from p_value and v_old.comment is not distinct from p_comment
    and v_old.tags::text is not distinct from p_tags::text
  then
    return 'unchanged';
  end if;
  perform jims.append_events(p_thread_id, array[p_event_id], array[p_type], array[p_data]);
  if p_value is null then
    delete from jims.feedback where thread_id = p_thread_id and message_id = p_message_id;
  else
    insert into jims.feedback (thread_id, message_id, value, comment, tags, at)
    select p_thread_id, p_message_id, p_value, p_comment, p_tags, created_at
    from original.thread_events where thread_id = p_thread_id and event_id = p_event_id
    on conflict (thread_id, message_id) do update
    set value = excluded.value, comment = excluded.comment, tags = excluded.tags, at = excluded.at;
  end if;
  if v_old.value is distinct from p_value then
    insert into jims.noted (thread_id) values (p_thread_id);
  end if;
  return 'changed';
end
$$;

-- Feedback in its order, as jims.bounded gives it.
create or replace function jims.list_feedback(
  p_thread_id uuid, p_value text, p_at timestamp without time zone, p_message_id uuid,
  p_limit integer, p_max_bytes bigint
) returns table (feedback json, more boolean)
language plpgsql stable set enable_seqscan = off as $$
declare
  v_rows refcursor;
  v_sql text := $sql$
    select json_build_object('threadId', f.thread_id, 'messageId', f.message_id, 'value', f.value,
                             'comment', f.comment, 'tags', f.tags, 'at', jims.iso(f.at))
    from jims.feedback f join original.threads t using (thread_id) where true $sql$;
begin
  if p_thread_id is not null then
    v_sql := v_sql || ' and f.thread_id = $1';
  end if;
  if p_value is not null then
    v_sql := v_sql || ' and f.value = $2';
  end if;
  if p_at is not null then
    v_sql := v_sql || ' and (f.at, f.message_id) > ($3, $4)';
  end if;
  open v_rows for execute v_sql || ' order by f.at, f.message_id limit $5'
    using p_thread_id, p_value, p_at, p_message_id, p_limit + 1;
  return query select * from jims.bounded(v_rows, p_limit, p_max_bytes);
end
$$;
