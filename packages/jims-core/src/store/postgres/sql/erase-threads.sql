-- Removing threads, with all that belongs to them.

-- Takes away threads whose rows are locked: their active runs are fenced out, and nobody finds the threads
-- or answers what they ask. What is left of them is removed in pieces, by erase_some.
create or replace function jims.remove_threads(p_ids uuid[]) returns void
language plpgsql as $$
declare
  v_active uuid[];
  v_chains uuid[];
  v_unlogged uuid[];
begin
  insert into jims.erasing select unnest(p_ids) on conflict do nothing;
  with removed as (
    delete from jims.runs
    where thread_id = any (p_ids) and status in ('queued', 'running')
    returning run_id, coalesce(chain_id, run_id) as chain_id
  )
  select array_agg(run_id), array_agg(chain_id) into v_active, v_chains from removed;
  delete from jims.run_progress where run_id = any (v_active);
  with removed as (
    delete from jims.runs where thread_id = any (p_ids) and not incoming_stored
    returning coalesce(chain_id, run_id) as chain_id
  )
  select array_agg(chain_id) into v_unlogged from removed;
  -- In a statement of its own: it sees what a run stored just before it was removed.
  delete from jims.journal where chain_id = any (v_chains || v_unlogged);
  delete from jims.questions where thread_id = any (p_ids);
  delete from jims.subscriptions where thread_id = any (p_ids);
  delete from original.threads where thread_id = any (p_ids);
end
$$;

-- Takes away the thread of this id, or p_limit threads of this contact at most; returns their ids.
create or replace function jims.take_threads(
  p_thread_id uuid, p_contact_id text, p_limit integer
) returns uuid[]
language plpgsql set lock_timeout = '5s' as $$
declare
  v_ids uuid[];
begin
  -- In one order, so that two processes that delete the same threads do not wait for each other.
  if p_thread_id is not null then
    select coalesce(array_agg(locked.thread_id), '{}') into v_ids from (
      select thread_id from original.threads where thread_id = p_thread_id for update
    ) as locked;
  else
    select coalesce(array_agg(locked.thread_id), '{}') into v_ids from (
      select thread_id from original.threads where contact_id = p_contact_id
      order by created_at, thread_id limit p_limit for update
    ) as locked;
  end if;
  perform jims.remove_threads(v_ids);
  return v_ids;
end
$$;

-- Removes what people said of messages of a thread that is gone, and the words of its messages: p_limit rows at
-- most; returns how many.
create or replace function jims.forget_some(p_thread_id uuid, p_limit integer) returns integer
language plpgsql as $$
declare
  v_count integer;
  v_more integer;
begin
  delete from jims.unindexed_threads where thread_id = p_thread_id;
  delete from jims.message_search where thread_id = p_thread_id and event_id in (
    select event_id from jims.message_search where thread_id = p_thread_id limit p_limit);
  get diagnostics v_count = row_count;
  delete from jims.feedback where thread_id = p_thread_id and message_id in (
    select message_id from jims.feedback where thread_id = p_thread_id limit p_limit - v_count);
  get diagnostics v_more = row_count;
  return v_count + v_more;
end
$$;

-- Removes what others, who were at work on it, left of threads that are gone: p_limit rows at most. Returns
-- whether there is more.
create or replace function jims.forget_threads(p_limit integer) returns boolean
language plpgsql set lock_timeout = '5s' set enable_seqscan = off as $$
declare
  v_id uuid;
  v_left integer := p_limit;
  v_is_back boolean;
begin
  -- Nobody works so long on a thread without a look whether it is there.
  for v_id in
    select thread_id from jims.forgetting where since < clock_timestamp() - interval '1 minute'
    order by thread_id limit p_limit for update skip locked
  loop
    -- A thread of this id that was made anew has what is there.
    v_is_back := exists (select from original.threads where thread_id = v_id);
    if not v_is_back then
      v_left := v_left - jims.forget_some(v_id, v_left);
    end if;
    if v_is_back or not (
      exists (select from jims.message_search where thread_id = v_id)
      or exists (select from jims.feedback where thread_id = v_id))
    then
      delete from jims.forgetting where thread_id = v_id;
    end if;
    v_left := v_left - 1;
    if v_left <= 0 then
      return true;
    end if;
  end loop;
  return false;
end
$$;

-- Removes what is left of threads that were taken away: p_limit events at most, with their runs. Returns how
-- many of the threads, from the first on, are done.
create or replace function jims.erase_some(p_ids uuid[], p_limit integer) returns integer
language plpgsql set lock_timeout = '5s' as $$
declare
  v_id uuid;
  v_events uuid[];
  v_left integer := p_limit;
  v_done integer := 0;
begin
  foreach v_id in array p_ids loop
    -- One process at a time erases a thread.
    perform from jims.erasing where thread_id = v_id for update;
    with removed as (
      delete from original.thread_events
      where thread_id = v_id and event_id in (
        select event_id from original.thread_events where thread_id = v_id limit v_left)
      returning event_id
    )
    select coalesce(array_agg(event_id), '{}') into v_events from removed;
    with removed as (
      delete from jims.runs where run_id = any (v_events) and thread_id = v_id
      returning run_id, coalesce(chain_id, run_id) as chain_id
    ), without_journal as (
      delete from jims.journal where chain_id in (select chain_id from removed)
    )
    delete from jims.run_progress where run_id in (select run_id from removed);
    v_left := v_left - cardinality(v_events) - 1;
    exit when exists (select from original.thread_events where thread_id = v_id);
    v_left := v_left - jims.forget_some(v_id, greatest(v_left, 1));
    exit when exists (select from jims.message_search where thread_id = v_id)
      or exists (select from jims.feedback where thread_id = v_id);
    delete from jims.erasing where thread_id = v_id;
    v_done := v_done + 1;
    exit when v_left <= 0;
  end loop;
  return v_done;
end
$$;
