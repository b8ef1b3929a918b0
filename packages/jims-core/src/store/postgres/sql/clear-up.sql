-- Removing what is old, which any process does for all of them.
--
-- :retried_for_ms stands for how long a failed chain can be retried.

-- The ids of runs are UUIDv7, which begin with the time at which they were made: no index by time is needed.
create or replace function jims.first_id_of(p_time timestamp with time zone) returns uuid
language sql immutable as $$
  select rpad(lpad(to_hex((extract(epoch from p_time) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

create or replace function jims.is_idle(
  p_thread_id uuid, p_created_at timestamp without time zone, p_age interval
) returns boolean
language plpgsql stable as $$
begin
  -- A thread's time is in UTC, an event's in the session's time zone.
  return p_created_at < (clock_timestamp() at time zone 'utc') - p_age
    and not exists (
      select from original.thread_events
      where thread_id = p_thread_id and created_at >= clock_timestamp()::timestamp - p_age)
    and not exists (
      select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running'))
    and not exists (
      select from jims.questions where thread_id = p_thread_id and state = 'open');
end
$$;

-- Whether all runs of a run's chain were finished before a time, and no question of it is open.
create or replace function jims.ended_before(p_run_id uuid, p_chain_id uuid, p_time timestamp with time zone)
returns boolean
language plpgsql stable as $$
declare
  v_chain_id uuid := coalesce(p_chain_id, p_run_id);
begin
  return jims.is_chain_over(v_chain_id) and not exists (
    select from jims.runs where run_id = v_chain_id and finished_at >= p_time
  ) and not exists (
    select from jims.runs where chain_id = v_chain_id and finished_at >= p_time);
end
$$;

-- Removes journals that are not needed any more: of chains that are over, but of a failed one only when it
-- cannot be retried any more. Their questions stay, as they say how a run that asked stands. Chains are
-- looked at in the order of their ids, after p_after, until p_limit entries are removed; the result says
-- where to go on, which is null when all were looked at.
create or replace function jims.purge_chains(p_after uuid, p_look_at integer, p_limit integer)
returns uuid
language plpgsql set enable_seqscan = off as $$
declare
  v_id uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
  v_thread_id uuid;
  v_last jims.runs;
  v_entries integer;
  v_left integer := p_limit;
begin
  for n in 1..p_look_at loop
    select chain_id into v_id from jims.journal where chain_id > v_id order by chain_id limit 1;
    if v_id is null then
      return null;
    end if;
    continue when not jims.is_chain_over(v_id);
    -- Under the lock nobody executes it again meanwhile.
    select thread_id into v_thread_id from jims.runs where run_id = v_id;
    perform from original.threads where thread_id = v_thread_id for no key update skip locked;
    continue when not found and exists (
      select from original.threads where thread_id = v_thread_id);
    continue when not jims.is_chain_over(v_id);
    select r.* into v_last from (
      select * from jims.runs where run_id = v_id
      union all
      select * from jims.runs where chain_id = v_id
    ) as r order by r.ticket desc limit 1;
    continue when v_last.status = 'failed'
      and v_last.finished_at >= clock_timestamp() - interval ':retried_for_ms milliseconds';
    delete from jims.journal where chain_id = v_id;
    get diagnostics v_entries = row_count;
    v_left := v_left - v_entries;
    exit when v_left <= 0;
  end loop;
  return v_id;
end
$$;

-- Removes a bounded amount of what is older than it may be, and of what is left of erased threads. Rows
-- that another process has locked are left. Idle threads are looked for after a position; the result says
-- where to go on, which is null when all threads were looked at.
create or replace function jims.purge(
  p_idle_ms double precision, p_runs_ms double precision, p_progress_ms double precision,
  p_batch integer, p_look_at integer,
  p_created_at timestamp without time zone, p_id uuid
) returns json
language plpgsql as $$
declare
  v_idle interval := p_idle_ms * interval '1 millisecond';
  v_left uuid[];
  v_threads uuid[] := '{}';
  v_looked_at json;
  v_before timestamp with time zone := clock_timestamp() - p_runs_ms * interval '1 millisecond';
  v_runs uuid[];
  v_questions uuid[];
  v_progress integer;
begin
  select coalesce(array_agg(locked.thread_id), '{}') into v_left
  from (select thread_id from jims.erasing limit p_batch for update skip locked) as locked;
  perform jims.erase_some(v_left, 2000);

  if v_idle is not null then
    with looked_at as (
      select thread_id, created_at from original.threads
      where created_at < (clock_timestamp() at time zone 'utc') - v_idle
        and (created_at, thread_id)
          > (coalesce(p_created_at, '-infinity'), coalesce(p_id, '00000000-0000-0000-0000-000000000000'))
      order by created_at, thread_id limit p_look_at
    ), idle as (
      select thread_id, created_at from looked_at
      where jims.is_idle(thread_id, created_at, v_idle)
      order by created_at, thread_id limit p_batch
    ), last as (
      -- The last of the idle ones that are taken, or else the last that was looked at.
      select * from (
        select thread_id, created_at from idle
        where (select count(*) from idle) = p_batch
        order by created_at desc, thread_id desc limit 1
      ) as full_batch
      union all
      select * from (
        select thread_id, created_at from looked_at
        where (select count(*) from idle) < p_batch and (select count(*) from looked_at) = p_look_at
        order by created_at desc, thread_id desc limit 1
      ) as all_looked_at
    )
    select (select coalesce(array_agg(thread_id), '{}') from idle),
           (select json_build_object('createdAt', jims.iso(created_at), 'id', thread_id) from last)
    into v_threads, v_looked_at;
    -- In statements of their own, which see what is new: whether a thread is idle is checked again under the lock.
    select coalesce(array_agg(locked.thread_id), '{}') into v_threads
    from (
      select thread_id from original.threads where thread_id = any (v_threads) for update skip locked
    ) as locked;
    select coalesce(array_agg(thread_id), '{}') into v_threads from original.threads
    where thread_id = any (v_threads) and jims.is_idle(thread_id, created_at, v_idle);
    perform jims.remove_threads(v_threads);
  end if;

  select coalesce(array_agg(locked.run_id), '{}') into v_runs
  from (
    select run_id from jims.runs
    where run_id < jims.first_id_of(v_before) and finished_at < v_before
      -- What belongs together goes together.
      and ((not durable and question_id is null)
        or jims.ended_before(run_id, chain_id, v_before))
    order by run_id limit p_batch for update skip locked
  ) as locked;
  with removed as (
    delete from jims.runs where run_id = any (v_runs) returning question_id
  )
  select array_agg(question_id) into v_questions from removed where question_id is not null;
  delete from jims.journal where chain_id = any (v_runs);
  delete from jims.questions where question_id = any (v_questions);
  delete from jims.subscriptions where chain_id = any (v_runs);

  -- Progress without a run came from a process that was fenced out.
  delete from jims.run_progress where run_id in (
    select p.run_id from jims.run_progress p left join jims.runs r using (run_id)
    where r.run_id is null
      or r.finished_at < clock_timestamp() - p_progress_ms * interval '1 millisecond'
    group by p.run_id limit p_batch);
  get diagnostics v_progress = row_count;
  return json_build_object(
    'threadIds', v_threads, 'runs', cardinality(v_runs), 'lookedAt', v_looked_at,
    'more', cardinality(v_left) + cardinality(v_threads) + cardinality(v_runs) + v_progress > 0
      or v_looked_at is not null);
end
$$;
