-- How runs go on and end. Each end is noted for those that subscribed to the chain; for a run without subscriptions
-- that is a look into an index.
--
-- :max_service_questions stands for how many questions to services a thread may have open.

-- Ends a run that no process has. To be called under the lock of its thread's row.
create or replace function jims.end_ownerless(
  p_run jims.runs, p_status jims.run_status, p_code text, p_message text
) returns void
language plpgsql as $$
begin
  perform jims.append_incoming(p_run);
  update jims.runs
  set status = p_status, finished_at = clock_timestamp(),
      incoming_stored = incoming_stored or incoming_data is not null,
      incoming_type = null, incoming_data = null,
      output_ids = null, usage = null, last_seq = null,
      error_code = p_code, error_message = p_message
  where run_id = p_run.run_id;
  if exists (
    select from jims.subscriptions where chain_id = coalesce(p_run.chain_id, p_run.run_id))
  then
    perform jims.note_change(coalesce(p_run.chain_id, p_run.run_id), p_run.run_id, 'ended');
  end if;
end
$$;

-- Ends a run whose process died. To be called under the lock of its thread's row.
create or replace function jims.mark_lost(p_run jims.runs) returns void
language plpgsql as $$
begin
  perform jims.end_ownerless(
    p_run, 'failed', 'lost', 'The process that ran it ended before it was finished');
end
$$;

-- Ends a run that was asked to stop and that no process has.
create or replace function jims.mark_cancelled(p_run jims.runs) returns void
language plpgsql as $$
begin
  perform jims.end_ownerless(p_run, 'cancelled', 'cancelled', 'The run was cancelled');
end
$$;

-- Starts the next run of a thread's queue; withdrawn runs and those of dead processes end when their turn
-- comes. A durable run of a dead process, or of one that takes nothing more, runs from now on and has
-- nobody: it waits to be recovered. It has no start time, as nobody began it. To be called under the lock of the thread's row, when no run of the thread is running.
create or replace function jims.start_next(p_thread_id uuid, out next json, out lost integer)
language plpgsql as $$
declare
  v_run jims.runs;
begin
  lost := 0;
  loop
    select * into v_run from jims.runs where thread_id = p_thread_id and status = 'queued'
    order by ticket limit 1;
    exit when not found;
    if v_run.withdrawn_as is null and not exists (
      select from jims.instances
      where instance_id = v_run.instance_id and lease_until > clock_timestamp()
        and not (draining and v_run.durable))
    then
      if not v_run.durable then
        perform jims.mark_lost(v_run);
        lost := lost + 1;
        continue;
      elsif v_run.cancel_requested then
        perform jims.mark_cancelled(v_run);
        continue;
      end if;
      perform jims.append_incoming(v_run);
      update jims.runs
      set status = 'running', instance_id = '00000000-0000-0000-0000-000000000000',
          -- Null as long as no process ever had it.
          retry_at = case
            when instance_id <> '00000000-0000-0000-0000-000000000000' or retry_at is not null
            then clock_timestamp()
          end,
          incoming_stored = incoming_stored or incoming_data is not null,
          incoming_type = null, incoming_data = null
      where run_id = v_run.run_id;
      next := json_build_object(
        'runId', v_run.run_id, 'instanceId', '00000000-0000-0000-0000-000000000000');
      return;
    end if;
    perform jims.append_incoming(v_run);
    update jims.runs
    set status = coalesce(v_run.withdrawn_as, 'running'),
        incoming_stored = incoming_stored or incoming_data is not null,
        incoming_type = null, incoming_data = null,
        started_at = case when v_run.withdrawn_as is null then clock_timestamp() end,
        finished_at = case when v_run.withdrawn_as is not null then clock_timestamp() end
    where run_id = v_run.run_id;
    if v_run.withdrawn_as is null then
      next := json_build_object('runId', v_run.run_id, 'instanceId', v_run.instance_id);
      return;
    end if;
    if exists (
      select from jims.subscriptions where chain_id = coalesce(v_run.chain_id, v_run.run_id))
    then
      perform jims.note_change(coalesce(v_run.chain_id, v_run.run_id), v_run.run_id, 'ended');
    end if;
  end loop;
end
$$;

-- Locks the thread's row, then finds the run if this process has this attempt of it; nulls otherwise.
create or replace function jims.lock_own_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid
) returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
begin
  perform from original.threads where thread_id = p_thread_id for no key update;
  -- By its id alone: with more conditions another index might be used.
  select * into v_run from jims.runs where run_id = p_run_id;
  if v_run.attempt = p_attempt and v_run.thread_id = p_thread_id
    and v_run.instance_id = p_instance_id and v_run.status in ('queued', 'running')
  then
    return v_run;
  end if;
  return null;
end
$$;

-- Appends the events of a run's conversation start, then the incoming event that was held. Null when fenced.
create or replace function jims.append_in_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid,
  p_ids uuid[], p_types text[], p_data json[]
) returns json
language plpgsql as $$
declare
  v_run jims.runs := jims.lock_own_run(p_run_id, p_attempt, p_thread_id, p_instance_id);
begin
  if v_run.status is distinct from 'running' then
    return null;
  end if;
  perform jims.append_events(p_thread_id, p_ids, p_types, p_data);
  perform jims.append_incoming(v_run);
  update jims.runs
  set start_ids = p_ids, incoming_stored = incoming_stored or incoming_data is not null,
      incoming_type = null, incoming_data = null
  where run_id = p_run_id;
  return (
    select coalesce(
      json_agg(jims.event_json(event_id, created_at, event_type, event_data)
               order by created_at, event_id),
      '[]')
    from original.thread_events
    where thread_id = p_thread_id
      and event_id = any (
        p_ids || case when v_run.incoming_data is not null then array[p_run_id] end)
  );
end
$$;

-- Ends a run, and starts the next one. Returns the times of its events; null when fenced, and `refused` when
-- it cannot end with its question.
create or replace function jims.finish_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid,
  p_status jims.run_status, p_ids uuid[], p_types text[], p_data json[],
  p_error_code text, p_error_message text, p_usage json, p_last_seq integer,
  p_progress_seqs integer[], p_progress_events json[],
  p_entries json, p_question json
) returns json
language plpgsql as $$
declare
  v_run jims.runs := jims.lock_own_run(p_run_id, p_attempt, p_thread_id, p_instance_id);
  v_times text[] := '{}';
  v_next json;
begin
  if v_run.run_id is null then
    return null;
  end if;
  if p_question is not null and p_question ->> 'audience' = 'service' then
    if (
      select count(*) from jims.questions
      where thread_id = p_thread_id and state = 'open' and audience = 'service'
    ) >= :max_service_questions then
      return json_build_object('refused', true);
    end if;
  end if;
  if cardinality(p_progress_seqs) > 0 then
    insert into jims.run_progress (run_id, attempt, seq, event)
    select p_run_id, p_attempt, p.seq, p.event
    from unnest(p_progress_seqs, p_progress_events) as p (seq, event)
    on conflict do nothing;
  end if;
  if v_run.status = 'queued' then
    update jims.runs
    set withdrawn_as = p_status, error_code = p_error_code, error_message = p_error_message,
        usage = p_usage, last_seq = p_last_seq
    where run_id = p_run_id;
  else
    if v_run.incoming_data is not null then
      perform jims.append_incoming(v_run);
    end if;
    v_times := jims.append_events(p_thread_id, p_ids, p_types, p_data);
    if p_entries is not null then
      perform jims.insert_entries(coalesce(v_run.chain_id, p_run_id), p_entries);
    end if;
    if p_question is not null then
      perform jims.open_question(v_run, p_question);
    end if;
    update jims.runs
    set status = p_status, finished_at = clock_timestamp(), output_ids = p_ids,
        question_id = (p_question ->> 'questionId')::uuid,
        incoming_stored = incoming_stored or incoming_data is not null,
        incoming_type = null, incoming_data = null,
        error_code = p_error_code, error_message = p_error_message,
        usage = p_usage, last_seq = p_last_seq
    where run_id = p_run_id;
    if exists (
      select from jims.subscriptions where chain_id = coalesce(v_run.chain_id, p_run_id))
    then
      perform jims.note_change(coalesce(v_run.chain_id, p_run_id), p_run_id, 'ended');
    end if;
    select next into v_next from jims.start_next(p_thread_id);
  end if;
  return json_build_object('times', v_times, 'next', v_next);
end
$$;

-- Ends the run of a request whose process does not know that it was accepted: nobody runs it. A durable
-- one is given up to be recovered, as it may have used up an answer.
create or replace function jims.abandon_request(
  p_request_id uuid, p_instance_id uuid, p_scope text, p_key text
) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs;
begin
  select * into v_run from jims.runs
  where (run_id = p_request_id or (idem_scope = p_scope and idem_key = p_key))
    and request_id = p_request_id;
  if v_run.durable then
    return case
      when jims.release_run(v_run.run_id, v_run.attempt, v_run.thread_id, p_instance_id) then '{}'::json
    end;
  end if;
  return jims.finish_run(
    v_run.run_id, v_run.attempt, v_run.thread_id, p_instance_id, 'failed', '{}', '{}', '{}',
    'lost', 'The process that was to run it did not learn so', null, null, '{}', '{}', null, null);
end
$$;
