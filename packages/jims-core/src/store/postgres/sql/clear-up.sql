-- What any process does for all of them: ending the runs of dead processes, and removing what is old.

-- Ends the runs of dead processes and starts those that wait after them. A thread that another process
-- has locked is left to it.
create or replace function jims.reap_runs() returns json
language plpgsql as $$
declare
  v_thread_id uuid;
  v_run jims.runs;
  v_next json;
  v_more integer;
  v_lost integer := 0;
  v_started json[] := '{}';
begin
  for v_thread_id in
    select t.thread_id
    from (
      select r.thread_id from jims.runs r left join jims.instances i using (instance_id)
      where r.status = 'running' and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
      union
      -- This should not happen, but if a queue stands still, it is started again here.
      select q.thread_id from jims.runs q
      where q.status = 'queued' and not exists (
        select from jims.runs r where r.thread_id = q.thread_id and r.status = 'running')
    ) as stuck join original.threads t using (thread_id)
    for no key update of t skip locked
  loop
    -- Read again, under the lock.
    for v_run in
      select r.* from jims.runs r left join jims.instances i using (instance_id)
      where r.thread_id = v_thread_id and r.status = 'running'
        and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
    loop
      perform jims.mark_lost(v_run);
      v_lost := v_lost + 1;
    end loop;
    continue when exists (
      select from jims.runs where thread_id = v_thread_id and status = 'running');
    select next, lost into v_next, v_more from jims.start_next(v_thread_id);
    v_lost := v_lost + v_more;
    if v_next is not null then
      v_started := v_started || v_next;
    end if;
  end loop;

  delete from jims.instances where instance_id in (
    select instance_id from jims.instances where lease_until < clock_timestamp() - interval '1 hour'
    for update skip locked);
  return json_build_object('lost', v_lost, 'started', v_started);
end
$$;

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
      select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running'));
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
    order by run_id limit p_batch for update skip locked
  ) as locked;
  delete from jims.runs where run_id = any (v_runs);

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
