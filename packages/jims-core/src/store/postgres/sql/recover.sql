-- What any process does for all of them: ending the runs of dead processes, closing questions whose time is
-- over, and taking durable runs over. A thread that another process has locked is left to it.
--
-- :recovery_pauses stands for how long a durable run waits before each recovery, :suspect_recoveries for after
-- how many of them it is a suspect.

-- Ends the runs of dead processes and starts those that wait after them. Durable runs are lost only if
-- p_first_lost, and then only those that begin a chain.
create or replace function jims.reap_lost(p_first_lost boolean, out lost integer, out started json[])
language plpgsql as $$
declare
  v_thread_id uuid;
  v_run jims.runs;
  v_next json;
  v_more integer;
begin
  lost := 0;
  started := '{}';
  for v_thread_id in
    select t.thread_id
    from (
      select r.thread_id from jims.runs r left join jims.instances i using (instance_id)
      where r.status = 'running' and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
        and (not r.durable or (p_first_lost and r.continues is null))
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
        and (not r.durable or (p_first_lost and r.continues is null))
    loop
      perform jims.mark_lost(v_run);
      lost := lost + 1;
    end loop;
    continue when exists (
      select from jims.runs where thread_id = v_thread_id and status = 'running');
    select s.next, s.lost into v_next, v_more from jims.start_next(v_thread_id) as s;
    lost := lost + v_more;
    if v_next is not null then
      started := started || v_next;
    end if;
  end loop;
end
$$;

-- Closes questions whose time is over, p_limit at most.
create or replace function jims.expire_questions(p_limit integer) returns void
language plpgsql as $$
declare
  v_id uuid;
  v_question jims.questions;
begin
  for v_id in
    select q.question_id from jims.questions q join original.threads t using (thread_id)
    where q.state = 'open' and q.expires_at <= clock_timestamp()
    order by q.expires_at limit p_limit
    for no key update of t skip locked
  loop
    -- Read again, under the lock.
    select * into v_question from jims.questions
    where question_id = v_id and state = 'open' and expires_at <= clock_timestamp();
    if found then
      perform jims.expire_question(v_question);
    end if;
  end loop;
end
$$;

-- Whether a durable run is left to a living process that has the version by which its chain went on last.
create or replace function jims.is_for_another(p_run jims.runs, p_version text) returns boolean
language plpgsql as $$
declare
  v_chain_id uuid := coalesce(p_run.chain_id, p_run.run_id);
  v_version text := coalesce(
    (select version from jims.journal where chain_id = v_chain_id order by seq desc limit 1),
    (select kept ->> 'version' from jims.runs where run_id = v_chain_id));
begin
  return v_version is distinct from p_version and exists (
    select from jims.instances
    where version = v_version and durable and not draining and lease_until > clock_timestamp());
end
$$;

-- Ends a durable run that nobody is to execute again; returns how it ended, null when it is to go on.
create or replace function jims.end_unrecoverable(p_run jims.runs) returns text
language plpgsql as $$
begin
  if p_run.cancel_requested then
    perform jims.mark_cancelled(p_run);
    return 'cancelled';
  elsif p_run.continues is null and (p_run.kept ->> 'stopsUnread')::boolean
    and not exists (select from jims.journal where chain_id = p_run.run_id)
  then
    perform jims.end_ownerless(
      p_run, 'cancelled', 'disconnected', 'The client disconnected before the run was finished');
    return 'cancelled';
  elsif p_run.recoveries >= cardinality(:recovery_pauses)
    and p_run.instance_id <> '00000000-0000-0000-0000-000000000000'
  then
    perform jims.end_ownerless(
      p_run, 'failed', 'lost', 'Each process that ran it ended before it was finished');
    return 'lost';
  end if;
  return null;
end
$$;

-- Gives a durable run to a process. It is another attempt if any process had it before, also in the queue:
-- one that was taken for dead may meet its own run. It is another recovery if its process died: not if that
-- gave it up.
create or replace function jims.take_over(p_run jims.runs, p_instance_id uuid) returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
  v_recoveries integer := p_run.recoveries
    + (p_run.instance_id <> '00000000-0000-0000-0000-000000000000')::integer;
begin
  perform jims.append_incoming(p_run);
  delete from jims.run_progress where run_id = p_run.run_id;
  update jims.runs
  set instance_id = p_instance_id,
      -- What becomes of the request that made the attempt before does not concern this one.
      request_id = gen_random_uuid(),
      attempt = attempt + (
        instance_id <> '00000000-0000-0000-0000-000000000000' or retry_at is not null)::integer,
      started_at = coalesce(started_at, clock_timestamp()),
      recoveries = v_recoveries,
      retry_at = clock_timestamp()
        + (:recovery_pauses)[v_recoveries + 1] * interval '1 millisecond',
      incoming_stored = incoming_stored or incoming_data is not null,
      incoming_type = null, incoming_data = null
  where run_id = p_run.run_id
  returning * into v_run;
  return v_run;
end
$$;

-- Gives durable runs without a living process to this one, oldest first and suspects last: p_places at most,
-- p_suspects of them suspects. Those that are not to be executed again end, and the next ones are started.
create or replace function jims.recover_runs(
  p_instance_id uuid, p_recovers text, p_places integer, p_suspects integer, p_version text,
  out lost integer, out started json[], out recovered json[]
)
language plpgsql as $$
declare
  v_id uuid;
  v_run jims.runs;
  v_end text;
  v_next json;
  v_more integer;
  v_suspects integer := 0;
begin
  lost := 0;
  started := '{}';
  recovered := '{}';
  for v_id in
    select r.run_id
    from jims.runs r join original.threads t using (thread_id)
      left join jims.instances i using (instance_id)
    where r.status = 'running' and r.durable
      and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
      and (r.retry_at is null or r.retry_at <= clock_timestamp())
      and (p_recovers = 'all' or r.continues is not null)
    order by r.recoveries >= :suspect_recoveries, r.ticket
    for no key update of t skip locked
  loop
    exit when cardinality(recovered) >= p_places;
    -- Read again, under the lock.
    select r.* into v_run from jims.runs r left join jims.instances i using (instance_id)
    where r.run_id = v_id and r.status = 'running'
      and coalesce(i.lease_until, '-infinity') <= clock_timestamp()
      and (r.retry_at is null or r.retry_at <= clock_timestamp());
    continue when not found;
    v_end := jims.end_unrecoverable(v_run);
    if v_end is not null then
      lost := lost + (v_end = 'lost')::integer;
      select s.next, s.lost into v_next, v_more from jims.start_next(v_run.thread_id) as s;
      lost := lost + v_more;
      if v_next is not null then
        started := started || v_next;
      end if;
      continue;
    end if;
    continue when v_run.recoveries >= :suspect_recoveries and v_suspects >= p_suspects;
    continue when jims.is_for_another(v_run, p_version);
    v_suspects := v_suspects + (v_run.recoveries >= :suspect_recoveries)::integer;
    recovered := recovered || jims.taken_json(jims.take_over(v_run, p_instance_id));
  end loop;
end
$$;

create or replace function jims.reap_runs(
  p_instance_id uuid, p_recovers text, p_places integer, p_suspects integer, p_version text
) returns json
language plpgsql as $$
declare
  v_lost integer;
  v_more integer := 0;
  v_started json[];
  v_next json[] := '{}';
  v_recovered json[] := '{}';
begin
  select lost, started into v_lost, v_started from jims.reap_lost(p_recovers = 'continued');
  if p_recovers <> 'none' then
    perform jims.expire_questions(p_places);
    select lost, started, recovered into v_more, v_next, v_recovered
    from jims.recover_runs(p_instance_id, p_recovers, p_places, p_suspects, p_version);
  end if;
  delete from jims.instances where instance_id in (
    select instance_id from jims.instances where lease_until < clock_timestamp() - interval '1 hour'
    for update skip locked);
  return json_build_object(
    'lost', v_lost + v_more, 'started', v_started || v_next, 'recovered', v_recovered);
end
$$;
