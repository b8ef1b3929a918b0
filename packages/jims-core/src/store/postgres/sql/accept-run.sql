-- The first transition of a run: its request is committed, and the run starts or waits in its thread's queue.

-- Asks the active runs of a thread that a contact's message began to stop; returns them with the processes
-- that have them.
create or replace function jims.interrupt_line(p_thread_id uuid) returns json
language plpgsql as $$
declare
  v_asked json;
begin
  with asked as (
    update jims.runs set cancel_requested = true
    where thread_id = p_thread_id and status in ('queued', 'running') and counted
    returning run_id, instance_id, ticket
  )
  select json_agg(json_build_object('runId', run_id, 'instanceId', instance_id) order by ticket)
  into v_asked from asked;
  return coalesce(v_asked, '[]');
end
$$;

-- Whether a run of a thread is active, or a message came after a position.
create or replace function jims.has_moved(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid
) returns boolean
language plpgsql as $$
begin
  return exists (
    select from jims.runs where thread_id = p_thread_id and status in ('queued', 'running')
  ) or exists (
    select from original.thread_events
    where thread_id = p_thread_id and (created_at, event_id) > (p_created_at, p_id)
      and split_part(event_type, '.', 1) = 'comm'
  );
end
$$;

-- Whether a question is in a thread of this contact, or of any if none is given.
create or replace function jims.may_have_question(p_question_id uuid, p_contact_id text)
returns boolean
language plpgsql as $$
begin
  return exists (
    select from jims.questions q join original.threads t using (thread_id)
    where q.question_id = p_question_id and (p_contact_id is null or t.contact_id = p_contact_id));
end
$$;

create or replace function jims.accept_run(
  p_run_id uuid, p_instance_id uuid,
  p_thread_id text, p_contact_id text,
  p_after_created_at timestamp without time zone, p_after_id uuid,
  p_thread_config jsonb, p_new_thread_id uuid, p_event_id uuid,
  p_external_id text, p_find_external boolean, p_replaces text,
  p_seed_ids uuid[], p_seed_types text[], p_seed_data json[],
  p_incoming_type text, p_incoming_data json, p_hold_incoming boolean,
  p_on_busy text, p_queue_limit integer,
  p_scope text, p_key text, p_fingerprint text, p_ttl_ms double precision,
  p_known_thread_id uuid, p_known_created_at timestamp without time zone, p_known_id uuid,
  p_kept json, p_answer text, p_question_id uuid, p_audience text, p_knows_chains boolean
) returns json
language plpgsql as $$
declare
  v_run jims.runs;
  v_thread jims.thread;
  v_created boolean := false;
  v_active bigint := 0;
  v_counted bigint;
  v_question jims.questions;
  v_answers boolean;
  v_status jims.run_status := 'running';
  v_stored boolean;
  v_interrupted json := '[]';
begin
  -- Finds the run of the key and the thread; from here on the thread's row is locked.
  loop
    if p_key is not null then
      v_run := jims.lock_keyed_run(p_scope, p_key, p_ttl_ms);
    end if;
    if v_run.run_id is not null then
      if v_run.idem_fingerprint is distinct from p_fingerprint then
        return json_build_object('kind', 'key_reused');
      elsif not jims.is_repeated(v_run) or (v_run.durable and not p_knows_chains) then
        return json_build_object('kind', 'existing', 'runId', v_run.run_id);
      end if;
      select thread_id, contact_id, external_id, created_at, thread_config into v_thread
      from original.threads where thread_id = v_run.thread_id;
      exit;
    end if;
    -- Before a thread is made, which could not have the question.
    if p_answer = 'question' and not jims.may_have_question(p_question_id, p_contact_id) then
      return json_build_object('kind', 'question_not_found');
    end if;
    if p_seed_ids is not null then
      if p_find_external then
        v_thread := jims.take_external_thread(p_contact_id, p_external_id);
      end if;
      if p_answer = 'question' and v_thread.thread_id is null then
        return json_build_object('kind', 'question_not_found');
      elsif not p_find_external and (p_external_id is not null or p_replaces is not null)
        and not jims.supersede(
          p_contact_id, p_external_id, jims.as_uuid(p_replaces), p_new_thread_id)
      then
        -- The same request may have replaced it while this one waited.
        continue when p_key is not null
          and exists (select from jims.runs where idem_scope = p_scope and idem_key = p_key);
        return json_build_object('kind', 'thread_moved');
      end if;
      if v_thread.thread_id is null then
        v_thread := jims.create_thread(
          p_new_thread_id, p_contact_id, p_external_id, p_thread_config, p_event_id);
        if v_thread.thread_id is not null then
          perform jims.append_events(p_new_thread_id, p_seed_ids, p_seed_types, p_seed_data);
        end if;
      end if;
    else
      v_thread := jims.take_thread(
        jims.as_uuid(p_thread_id), p_contact_id, p_thread_config, p_new_thread_id, p_event_id);
    end if;
    if v_thread.thread_id is null then
      return json_build_object('kind', 'thread_not_found');
    end if;
    v_created := coalesce(v_thread.thread_id = p_new_thread_id, false);
    if v_created and p_answer = 'question' then
      raise serialization_failure using message = 'jims: the thread of the question was deleted';
    end if;
    -- The same request may have been accepted while this one waited for the lock.
    exit when p_key is null
      or not exists (select from jims.runs where idem_scope = p_scope and idem_key = p_key);
    if v_created then
      raise serialization_failure using message = 'jims: the key was taken, in another thread';
    end if;
  end loop;

  if p_after_id is not null and v_run.run_id is null then
    if jims.has_moved(v_thread.thread_id, p_after_created_at, p_after_id) then
      return json_build_object('kind', 'thread_moved');
    end if;
  end if;

  -- The question that it answers or declines.
  if p_answer is not null and v_run.run_id is null and not v_created then
    if p_answer = 'question' then
      select * into v_question from jims.questions
      where question_id = p_question_id and thread_id = v_thread.thread_id and audience = p_audience;
      if not found then
        return json_build_object('kind', 'question_not_found');
      end if;
    else
      v_question := jims.open_contact_question(v_thread.thread_id);
    end if;
    if v_question.state = 'open' and v_question.expires_at <= clock_timestamp() then
      perform jims.expire_question(v_question);
      v_question.state := 'expired';
    end if;
    if p_answer = 'question' and v_question.state = 'expired' then
      return json_build_object('kind', 'question_expired');
    elsif p_answer = 'question' and v_question.state <> 'open' then
      return json_build_object('kind', 'question_closed', 'answeredBy', v_question.answered_by);
    elsif v_question.state <> 'open'
      or (p_answer = 'open' and not jims.is_answer(v_question, p_incoming_type, p_incoming_data))
    then
      v_question := null;
    end if;
  end if;
  v_answers := v_question.question_id is not null and p_answer <> 'decline';

  -- Whether it runs at once or waits.
  if not v_created then
    select count(*), count(*) filter (where counted) into v_active, v_counted from jims.runs
    where thread_id = v_thread.thread_id and status in ('queued', 'running');
  end if;
  if v_active > 0 then
    -- The answer of a service is never refused, and stops nothing.
    if v_answers and v_question.audience = 'service' then
      null;
    elsif p_on_busy = 'reject' then
      return json_build_object('kind', 'thread_busy');
    elsif v_counted > p_queue_limit then
      return json_build_object('kind', 'queue_full');
    elsif p_on_busy = 'interrupt' then
      v_interrupted := jims.interrupt_line(v_thread.thread_id);
    end if;
    v_status := 'queued';
  end if;
  if v_question.question_id is not null and not v_answers then
    if jims.withdraw_question(v_question, 'declined', v_question.tell) then
      v_status := 'queued';
    end if;
  end if;

  if v_run.run_id is not null then
    v_run := jims.revive_run(v_run.run_id, p_run_id, p_instance_id, v_status);
  else
    v_stored := v_status = 'running' and p_incoming_type is not null
      and not (v_created and p_hold_incoming);
    insert into jims.runs
      (run_id, request_id, thread_id, status, instance_id, created_thread,
       idem_scope, idem_key, idem_fingerprint,
       incoming_stored, incoming_type, incoming_data, started_at,
       chain_id, continues, counted, durable, kept, config)
    values
      (p_run_id, p_run_id, v_thread.thread_id, v_status, p_instance_id, v_created,
       p_scope, p_key, p_fingerprint,
       v_stored,
       case when not v_stored then p_incoming_type end,
       case when not v_stored then p_incoming_data end,
       case when v_status = 'running' then clock_timestamp() end,
       case when v_answers then v_question.chain_id end,
       case when v_answers then v_question.question_id end,
       not (v_answers and v_question.audience = 'service'),
       v_answers or p_kept is not null,
       case when not v_answers then p_kept end,
       case when not v_answers and p_kept is not null then v_thread.thread_config::json end)
    on conflict (idem_scope, idem_key) where idem_key is not null do nothing
    returning * into v_run;
    if not found then
      raise serialization_failure using message = 'jims: the key was taken at the same moment';
    end if;
    if v_stored then
      perform jims.append_events(
        v_thread.thread_id, array[p_run_id], array[p_incoming_type], array[p_incoming_data]);
    end if;
    if v_answers then
      update jims.questions
      set state = 'answered', answered_by = p_run_id, closed_at = clock_timestamp()
      where question_id = v_question.question_id;
    end if;
  end if;

  return json_build_object(
    'kind', 'accepted',
    'runId', v_run.run_id,
    'attempt', v_run.attempt,
    'thread', jims.thread_json(
      v_thread.thread_id, v_thread.contact_id, v_thread.external_id, v_thread.created_at,
      v_thread.thread_config),
    'createdThread', v_run.created_thread,
    'started', v_run.start_ids is not null,
    'status', v_status,
    'interrupted', v_interrupted,
    'chain', case
      when v_run.continues is not null or (v_run.durable and v_run.attempt > 1)
        then jims.chain_json(v_run)
    end,
    'fresh', case
      when v_status = 'queued' then null
      when v_created then jims.events_after(v_thread.thread_id, null, null)
      when v_thread.thread_id = p_known_thread_id
        then jims.events_after(v_thread.thread_id, p_known_created_at, p_known_id)
    end);
end
$$;
