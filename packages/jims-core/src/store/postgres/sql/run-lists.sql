-- The runs of a thread, which are found by the thread's events: the event that starts a run has the run's id.

create or replace function jims.run_summary_json(r jims.runs) returns json
language sql stable as $$
  select json_build_object(
    'runId', r.run_id, 'status', r.status, 'attempt', r.attempt,
    'acceptedAt', jims.iso(r.accepted_at at time zone 'utc'),
    'startedAt', jims.iso(r.started_at at time zone 'utc'),
    'finishedAt', jims.iso(r.finished_at at time zone 'utc'),
    'errorCode', case when r.finished_at is not null or r.withdrawn_as is not null then r.error_code end,
    'errorMessage', r.error_message,
    'usage', case when r.finished_at is not null then r.usage end,
    'chainId', coalesce(r.chain_id, r.run_id), 'continues', r.continues,
    'question', (select jims.question_json(q) from jims.questions q where q.question_id = r.question_id),
    'durable', r.durable)
$$;

-- Runs whose incoming event is before a position, newest first, of the next p_look_at events. Those that wait
-- for their place in the log come first, at the end of all times. The last row has no run: it has where to go on.
create or replace function jims.list_runs(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid,
  p_limit integer, p_look_at integer
) returns table (run json, id uuid, "createdAt" text)
language plpgsql stable set enable_seqscan = off as $$
declare
  v_waiting timestamp := '9999-12-31 23:59:59.999999';
  v_before timestamp := coalesce(p_created_at, v_waiting);
  v_before_id uuid := coalesce(p_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  v_run jims.runs;
  v_event record;
  v_taken integer := 0;
  v_looked_at integer := 0;
begin
  if not exists (select from original.threads where thread_id = p_thread_id) then
    return next;
    return;
  end if;
  if v_before = v_waiting then
    for v_run in
      select * from jims.runs r
      where r.thread_id = p_thread_id and not r.incoming_stored and r.incoming_data is not null
        and r.run_id < v_before_id
      order by r.run_id desc limit p_limit
    loop
      run := jims.run_summary_json(v_run);
      return next;
      v_taken := v_taken + 1;
    end loop;
    run := null;
    if v_taken = p_limit then
      id := v_run.run_id;
      "createdAt" := jims.iso(v_waiting);
      return next;
      return;
    end if;
    v_before_id := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  end if;
  for v_event in
    select e.event_id, e.created_at from original.thread_events e
    where e.thread_id = p_thread_id and (e.created_at, e.event_id) < (v_before, v_before_id)
    order by e.created_at desc, e.event_id desc limit p_look_at
  loop
    v_looked_at := v_looked_at + 1;
    select * into v_run from jims.runs r where r.run_id = v_event.event_id;
    if v_run.thread_id = p_thread_id then
      run := jims.run_summary_json(v_run);
      return next;
      run := null;
      v_taken := v_taken + 1;
    end if;
    exit when v_taken >= p_limit;
  end loop;
  if v_taken >= p_limit or v_looked_at = p_look_at then
    id := v_event.event_id;
    "createdAt" := jims.iso(v_event.created_at);
  end if;
  return next;
end
$$;

-- Runs of several threads in one order, newest first: those whose incoming events are among the next p_look_at
-- events of each thread before a position, without those of which not every thread is known. Those that wait come
-- first, where no position is given. The last row has no run: it has where to go on.
create or replace function jims.list_runs_of(
  p_thread_ids uuid[], p_created_at timestamp without time zone, p_id uuid,
  p_look_at integer, p_max_waiting integer
) returns table (
  "runId" uuid, "threadId" uuid, status jims.run_status, "chainId" uuid,
  "acceptedAt" text, "startedAt" text, "finishedAt" text,
  "questionState" text, audience text, "answeredBy" uuid, "closedAt" text,
  id uuid, "createdAt" text
)
language plpgsql stable set enable_seqscan = off set jit = off as $$
declare
  v_before timestamp := coalesce(p_created_at, 'infinity');
  v_before_id uuid := coalesce(p_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
  return query
    with looked_at as materialized (
      select t.thread_id, e.event_id, e.created_at, e.nth
      from original.threads t cross join lateral (
        select n.event_id, n.created_at,
          row_number() over (order by n.created_at desc, n.event_id desc) as nth
        from (
          select l.event_id, l.created_at from original.thread_events l
          where l.thread_id = t.thread_id and (l.created_at, l.event_id) < (v_before, v_before_id)
          order by l.created_at desc, l.event_id desc limit p_look_at
        ) as n
      ) as e
      where t.thread_id = any (p_thread_ids)
    ), known_to as materialized (
      select l.created_at, l.event_id from looked_at l where l.nth = p_look_at
      order by l.created_at desc, l.event_id desc limit 1
    ), listed as materialized (
      (select w.run_id, w.thread_id, timestamp 'infinity' as at
       from jims.runs w join original.threads t on t.thread_id = w.thread_id
       where p_created_at is null and w.thread_id = any (p_thread_ids)
         and not w.incoming_stored and w.incoming_data is not null
       order by w.run_id desc limit p_max_waiting)
      union all
      select l.event_id, l.thread_id, l.created_at from looked_at l
      where not exists (
        select from known_to k where (l.created_at, l.event_id) < (k.created_at, k.event_id))
    )
    (select r.run_id, r.thread_id, r.status, coalesce(r.chain_id, r.run_id),
       jims.iso(r.accepted_at at time zone 'utc'), jims.iso(r.started_at at time zone 'utc'),
       jims.iso(r.finished_at at time zone 'utc'),
       q.state, q.audience, q.answered_by, jims.iso(q.closed_at at time zone 'utc'),
       null::uuid, null::text
     from listed l join jims.runs r on r.run_id = l.run_id and r.thread_id = l.thread_id
     left join jims.questions q on q.question_id = r.question_id
     order by l.at desc, l.run_id desc)
    union all
    select null, null, null, null, null, null, null, null, null, null, null,
      k.event_id, jims.iso(k.created_at) from known_to k;
end
$$;

-- Which runs made these events: those next to an event, before and after it, and those that began with no
-- event. As a list of pairs.
create or replace function jims.runs_of_events(
  p_thread_id uuid, p_ids uuid[], p_times timestamp without time zone[], p_look_at integer
) returns json
language plpgsql stable set enable_seqscan = off as $$
begin
  return (
    select coalesce(json_agg(json_build_array(made.event_id, made.run_id)), '[]') from (
      select distinct on (e.id) e.id as event_id, r.run_id
      from unnest(p_ids, p_times) as e (id, at)
      cross join lateral (
        (select n.run_id from (
           select b.event_id, b.created_at from original.thread_events b
           where b.thread_id = p_thread_id and (b.created_at, b.event_id) <= (e.at, e.id)
           order by b.created_at desc, b.event_id desc limit p_look_at
         ) as before
         join jims.runs n on n.run_id = before.event_id
         order by before.created_at desc, before.event_id desc limit 2)
        union all
        (select n.run_id from (
           select b.event_id, b.created_at from original.thread_events b
           where b.thread_id = p_thread_id and (b.created_at, b.event_id) > (e.at, e.id)
           order by b.created_at, b.event_id limit p_look_at
         ) as behind
         join jims.runs n on n.run_id = behind.event_id
         order by behind.created_at, behind.event_id limit 1)
        union all
        select u.run_id from jims.runs u where u.thread_id = p_thread_id and not u.incoming_stored
      ) as near
      join jims.runs r on r.run_id = near.run_id and r.thread_id = p_thread_id
      where r.run_id = e.id or e.id = any (r.start_ids) or e.id = any (r.output_ids)
      order by e.id, r.run_id = e.id
    ) as made);
end
$$;
