-- What is kept of chains, so that their pipelines can be executed again.

-- Keeps results of a chain. Those that are there already stay as they are.
create or replace function jims.insert_entries(p_chain_id uuid, p_entries json) returns void
language plpgsql as $$
declare
  v_inserted integer;
begin
  insert into jims.journal
    (chain_id, seq, part, kind, name, nth, call, input, value, error, question_id, usage,
     at, run_id, attempt, version)
  select p_chain_id, e.seq, e.part, e.kind, e.name, e.nth, e.call, e.input, e.value, e.error,
         e."questionId", e.usage, e.at, e."runId", e.attempt, e.version
  from json_to_recordset(p_entries) as e (
    seq integer, part text, kind text, name text, nth integer, call integer, input text, value text,
    error text, "questionId" uuid, usage text, at bigint, "runId" uuid, attempt integer, version text)
  on conflict (chain_id, seq) do nothing;
  get diagnostics v_inserted = row_count;
  if v_inserted < json_array_length(p_entries) and exists (
    select from json_to_recordset(p_entries) as e (seq integer, "runId" uuid, attempt integer)
      join jims.journal j on j.chain_id = p_chain_id and j.seq = e.seq
    where (j.run_id, j.attempt) is distinct from (e."runId", e.attempt))
  then
    raise unique_violation using message = 'jims: another attempt has stored an entry of this number';
  end if;
end
$$;

-- Keeps results of a running run; false when fenced.
--
-- The run's row is locked, so that a process that takes the run over waits until they are committed, and reads
-- them then. Its thread is not: a step does not wait for what others do in it.
create or replace function jims.store_entries(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid, p_entries json
) returns boolean
language plpgsql as $$
declare
  v_run record;
begin
  select thread_id, attempt, instance_id, status, chain_id, recoveries into v_run
  from jims.runs where run_id = p_run_id for share;
  if not found or v_run.attempt <> p_attempt or v_run.thread_id <> p_thread_id
    or v_run.instance_id <> p_instance_id or v_run.status <> 'running'
  then
    return false;
  end if;
  perform jims.insert_entries(coalesce(v_run.chain_id, p_run_id), p_entries);
  if v_run.recoveries <> 0 then
    update jims.runs set recoveries = 0, retry_at = null where run_id = p_run_id;
  end if;
  return true;
end
$$;

-- The place of a run in its chain, with what the chain's first run has kept.
create or replace function jims.chain_json(p_run jims.runs) returns json
language plpgsql stable as $$
begin
  return (
    select json_build_object(
      'chainId', run_id, 'continues', p_run.continues,
      'kept', coalesce(kept, '{}'), 'config', coalesce(config, '{}'))
    from jims.runs where run_id = coalesce(p_run.chain_id, p_run.run_id)
  );
end
$$;

-- A run that a process has now, as accepting one gives it.
create or replace function jims.taken_json(p_run jims.runs) returns json
language plpgsql stable as $$
begin
  return json_build_object(
    'kind', 'accepted',
    'runId', p_run.run_id,
    'attempt', p_run.attempt,
    'thread', jims.thread_by_id(p_run.thread_id),
    'createdThread', p_run.created_thread,
    'started', p_run.start_ids is not null,
    'status', p_run.status,
    'interrupted', '[]'::json,
    'chain', jims.chain_json(p_run),
    'recoveries', p_run.recoveries);
end
$$;

-- All that a chain is executed again by, in one piece; null when there is no such chain.
create or replace function jims.load_chain(p_chain_id uuid) returns json
language plpgsql stable set enable_seqscan = off as $$
begin
  return (
    select json_build_object(
      'chainId', first.run_id,
      'threadId', first.thread_id,
      'kept', coalesce(first.kept, '{}'),
      'config', coalesce(first.config, thread_config::json),
      'entries', (
        select coalesce(json_agg(json_build_object(
          'seq', seq, 'part', part, 'kind', kind, 'name', name, 'nth', nth, 'call', call,
          'input', input, 'value', value, 'error', error, 'questionId', question_id,
          'usage', usage, 'at', at, 'runId', run_id, 'attempt', attempt, 'version', version) order by seq), '[]')
        from jims.journal where chain_id = p_chain_id),
      'runs', (
        select json_agg(json_build_object(
          'runId', r.run_id, 'continues', r.continues, 'status', r.status,
          'startedAt', jims.iso(r.started_at at time zone 'utc'),
          'outputIds', r.output_ids,
          'events', (
            select coalesce(
              json_agg(jims.event_json(event_id, created_at, event_type, event_data)
                       order by created_at, event_id),
              '[]')
            from original.thread_events
            where thread_id = r.thread_id and event_id = any (array[r.run_id] || r.output_ids))
          ) order by r.ticket)
        from (
          select * from jims.runs where run_id = p_chain_id
          union all
          select * from jims.runs where chain_id = p_chain_id
        ) as r))
    from jims.runs first join original.threads using (thread_id)
    where first.run_id = p_chain_id and first.chain_id is null
  );
end
$$;

-- Gives a durable run up without ending it; false when fenced.
create or replace function jims.release_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid
) returns boolean
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs := jims.lock_own_run(p_run_id, p_attempt, p_thread_id, p_instance_id);
begin
  if v_run.durable is distinct from true then
    return false;
  end if;
  update jims.runs
  set instance_id = '00000000-0000-0000-0000-000000000000', retry_at = clock_timestamp()
  where run_id = p_run_id;
  return true;
end
$$;

-- Whether nothing of a chain is active or open any more.
create or replace function jims.is_chain_over(p_chain_id uuid) returns boolean
language plpgsql stable as $$
begin
  return not exists (
    select from jims.runs where run_id = p_chain_id and finished_at is null
  ) and not exists (
    select from jims.runs where chain_id = p_chain_id and finished_at is null
  ) and not exists (
    select from jims.questions where chain_id = p_chain_id and state = 'open'
  );
end
$$;
