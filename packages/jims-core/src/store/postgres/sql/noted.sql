-- What happens in threads is noted by triggers, and brought into what lists show of them later, many events at
-- once: a row that has the time of its thread's newest event, in several indexes, costs too much to be written
-- in every turn. A reader does that first, so a list has all that was committed before.
--
-- :'superseded' stands for the beginning of the external id of a thread that another one replaced.

-- The triggers. They run with the rights of the role that made them: the role of the original need not have
-- any on our tables. So no role may put an operator of its own before those that are meant, by a search path.

-- It uses no operator: to set a search path takes time in every turn.
create or replace function jims.note_events() returns trigger
language plpgsql security definer as $$
begin
  insert into jims.noted (thread_id, event_id) select e.thread_id, e.event_id from added e;
  return null;
end
$$;

create or replace function jims.note_thread() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into jims.noted (thread_id) values (new.thread_id);
  elsif tg_op = 'UPDATE' then
    if old.contact_id is distinct from new.contact_id
      or old.external_id is distinct from new.external_id
    then
      insert into jims.noted (thread_id) values (new.thread_id);
    end if;
    if old.contact_id is distinct from new.contact_id then
      insert into jims.unindexed_threads (thread_id) values (new.thread_id)
      on conflict (thread_id) do update set created_at = null, event_id = null;
    end if;
  else
    insert into jims.noted (thread_id, is_gone) values (old.thread_id, true);
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
begin
  insert into jims.noted (thread_id) values (coalesce(new.thread_id, old.thread_id));
  return null;
end
$$;

-- Brings events into the rows of their threads. They come in no order, so what a row has is compared with each.
create or replace function jims.note_said(p_thread_ids uuid[], p_event_ids uuid[]) returns void
language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
  v_is_first boolean;
begin
  with said as materialized (
    select e.thread_id, e.event_id, e.created_at, e.event_type, jims.is_message(e.event_type) as is_message
    from unnest(p_thread_ids, p_event_ids) as n (thread_id, event_id)
      join original.thread_events e on e.thread_id = n.thread_id and e.event_id = n.event_id
  ), unindexed as (
    insert into jims.unindexed (thread_id, event_id)
    select thread_id, event_id from said where is_message
  ), newest as (
    select thread_id, max(created_at) filter (where jims.moves_thread(event_type)) as at,
      min(created_at) filter (where is_message) as first_at,
      max(created_at) filter (where is_message) as message_at,
      (array_agg(event_id order by created_at desc, event_id desc) filter (where is_message))[1]
        as message_id,
      (array_agg(event_id order by created_at desc, event_id desc)
        filter (where event_type = 'jims.thread.titled'))[1] as title_id,
      max(created_at) filter (where event_type = 'jims.thread.titled') as title_at
    from said group by thread_id
  ), changed as (
    update jims.thread_activity a
    set last_event_at = greatest(a.last_event_at, n.at),
        last_message_id = case
          when l.event_id is null or (l.created_at, l.event_id) < (n.message_at, n.message_id)
          then coalesce(n.message_id, a.last_message_id) else a.last_message_id end,
        title_id = case
          when t.event_id is null or (t.created_at, t.event_id) < (n.title_at, n.title_id)
          then coalesce(n.title_id, a.title_id) else a.title_id end
    from newest n
      join jims.thread_activity b on b.thread_id = n.thread_id
      left join original.thread_events f on f.thread_id = b.thread_id and f.event_id = b.first_message_id
      left join original.thread_events l on l.thread_id = b.thread_id and l.event_id = b.last_message_id
      left join original.thread_events t on t.thread_id = b.thread_id and t.event_id = b.title_id
    where a.thread_id = b.thread_id
    returning n.first_at <= coalesce(f.created_at, 'infinity') as is_first
  )
  select bool_or(is_first) into v_is_first from changed;
  if v_is_first is not true then
    return;
  end if;
  -- First the events, by their keys: with the other conditions beside these all events of all threads might be read.
  with said as materialized (
    select e.thread_id, e.event_id, e.created_at, e.event_type, e.event_data
    from unnest(p_thread_ids, p_event_ids) as n (thread_id, event_id)
      join original.thread_events e on e.thread_id = n.thread_id and e.event_id = n.event_id
  )
  update jims.thread_activity a set first_message_id = first.event_id
  from (
    select distinct on (e.thread_id) e.thread_id, e.event_id
    from said e
      join jims.thread_activity b on b.thread_id = e.thread_id
      left join original.thread_events f on f.thread_id = b.thread_id and f.event_id = b.first_message_id
    where jims.is_message(e.event_type)
      and (f.event_id is null or (e.created_at, e.event_id) < (f.created_at, f.event_id))
      and jims.text_in(e.event_data, 'role', 5) = 'user'
    order by e.thread_id, e.created_at, e.event_id
  ) as first
  where a.thread_id = first.thread_id;
end
$$;

-- Brings what was noted into the rows of the threads: p_limit notes at most. Returns whether there may be more.
-- Of processes that do so at the same time each one waits for the others, as it must show what they are at work
-- on, or does nothing where it need not wait.
create or replace function jims.bring_in_noted(p_limit integer, p_waits boolean) returns boolean
language plpgsql set enable_seqscan = off set jit = off as $$
declare
  v_threads uuid[];
  v_events uuid[];
  v_changed uuid[];
  v_gone uuid[];
  v_missing uuid[];
begin
  -- What another process is at work on is still there, for us.
  if not exists (select from jims.noted) or not jims.lock_activity(p_waits) then
    return false;
  end if;
  -- If it is lost in a crash, what was noted is there again.
  perform set_config('synchronous_commit', 'off', true);
  with taken as (
    delete from jims.noted where ctid = any (array(select ctid from jims.noted limit p_limit))
    returning thread_id, event_id, is_gone
  )
  select array_agg(thread_id), array_agg(event_id),
    array_agg(distinct thread_id) filter (where event_id is null),
    array_agg(distinct thread_id) filter (where is_gone)
  into v_threads, v_events, v_changed, v_gone from taken;
  if v_threads is null then
    return false;
  end if;
  -- Also of one that was made anew: it has nothing of the old one.
  delete from jims.thread_activity where thread_id = any (v_gone);
  v_missing := array(
    select n.thread_id from (select distinct thread_id from unnest(v_threads) as thread_id) as n
    where not exists (select from jims.thread_activity a where a.thread_id = n.thread_id));
  update jims.thread_activity a
  set contact_id = t.contact_id,
      superseded = coalesce(starts_with(t.external_id, :'superseded'), false),
      waiting = jims.is_waiting(a.thread_id),
      up = jims.has_feedback(a.thread_id, 'up'), down = jims.has_feedback(a.thread_id, 'down')
  from original.threads t where a.thread_id = any (v_changed) and t.thread_id = a.thread_id;
  perform jims.note_said(v_threads, v_events);
  perform jims.refresh_activity(v_missing);
  return cardinality(v_threads) >= p_limit;
end
$$;
