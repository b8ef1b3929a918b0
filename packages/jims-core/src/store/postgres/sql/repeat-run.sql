-- How a run that is over is executed once more: by a request with its key, or because a service wants it.
--
-- :retried_codes stands for the failures of durable runs after which that may be.

-- The run of a key, with the row of its thread locked; nulls when the key is not known.
create or replace function jims.lock_keyed_run(p_scope text, p_key text, p_ttl_ms double precision)
returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
  v_has_thread boolean;
begin
  select * into v_run from jims.runs where idem_scope = p_scope and idem_key = p_key;
  if not found then
    return null;
  end if;
  perform from original.threads where thread_id = v_run.thread_id for no key update;
  v_has_thread := found;
  -- Read again: from now on nobody else can change it.
  select * into v_run from jims.runs where idem_scope = p_scope and idem_key = p_key;
  if v_has_thread and (
    v_run.finished_at is null
    or v_run.accepted_at >= clock_timestamp() - p_ttl_ms * interval '1 millisecond')
  then
    return v_run;
  end if;
  update jims.runs set idem_key = null where run_id = v_run.run_id;
  return null;
end
$$;

-- Whether another run of a thread was begun after this one was accepted. Runs of a thread are found by their
-- events; one that has no event in the log by the index of those.
create or replace function jims.was_overtaken(p_run jims.runs) returns boolean
language plpgsql as $$
declare
  v_since timestamp := coalesce(
    (select created_at from original.thread_events
     where thread_id = p_run.thread_id and event_id = p_run.run_id),
    '-infinity');
begin
  return exists (
    select from original.thread_events e join jims.runs r on r.run_id = e.event_id
    where e.thread_id = p_run.thread_id and e.created_at >= v_since
      and r.thread_id = p_run.thread_id and r.ticket > p_run.ticket and r.status <> 'queued'
  ) or exists (
    select from jims.runs
    where thread_id = p_run.thread_id and not incoming_stored
      and ticket > p_run.ticket and status <> 'queued');
end
$$;

-- Gives a lost run to a process once more: a durable one in its place if nothing has overtaken it, else at
-- the end of its thread's queue.
create or replace function jims.revive_run(
  p_run_id uuid, p_request_id uuid, p_instance_id uuid, p_status jims.run_status
) returns jims.runs
language plpgsql as $$
declare
  v_run jims.runs;
begin
  delete from jims.run_progress where run_id = p_run_id;
  select * into v_run from jims.runs where run_id = p_run_id;
  if not v_run.durable or jims.was_overtaken(v_run) then
    update jims.runs set ticket = default where run_id = p_run_id;
  end if;
  update jims.runs
  set status = p_status, attempt = attempt + 1, instance_id = p_instance_id,
      request_id = p_request_id, cancel_requested = false, withdrawn_as = null, output_ids = null,
      error_code = null, error_message = null, usage = null, last_seq = null, finished_at = null,
      recoveries = 0, retry_at = null,
      started_at = case when p_status = 'running' then clock_timestamp() end
  where run_id = p_run_id
  returning * into v_run;
  return v_run;
end
$$;

-- Gives a failed durable run to a process once more.
create or replace function jims.retry_run(p_run_id uuid, p_instance_id uuid) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs;
  v_is_free boolean;
begin
  select * into v_run from jims.runs where run_id = p_run_id;
  perform from original.threads where thread_id = v_run.thread_id for no key update;
  if not found then
    return json_build_object('kind', 'run_not_found');
  end if;
  -- Read again, under the lock.
  select * into v_run from jims.runs where run_id = p_run_id;
  if v_run.run_id is null then
    return json_build_object('kind', 'run_not_found');
  elsif not v_run.durable or v_run.status <> 'failed' or not jims.is_repeated(v_run) then
    return json_build_object('kind', 'not_retried', 'status', v_run.status);
  end if;
  v_is_free := not exists (
    select from jims.runs where thread_id = v_run.thread_id and status = 'running');
  -- No request waits for it: what becomes of the one before does not concern it any more.
  v_run := jims.revive_run(
    p_run_id, gen_random_uuid(), p_instance_id,
    case when v_is_free then 'running' else 'queued' end::jims.run_status);
  return jims.taken_json(v_run);
end
$$;

-- Whether a run that is over may be executed again by a request with its key.
create or replace function jims.is_repeated(p_run jims.runs) returns boolean
language plpgsql as $$
begin
  return p_run.finished_at is not null and coalesce(
    case
      when not p_run.durable then
        p_run.error_code in ('lost', 'disconnected', 'shutting_down', 'store_unavailable')
      when p_run.status = 'failed' then p_run.error_code = any (:retried_codes)
      when p_run.status = 'cancelled' then p_run.error_code in ('disconnected', 'shutting_down')
    end,
    false);
end
$$;
