-- Questions that runs end with, and the runs that go on with a chain when one is closed. A function that
-- writes is to be called under the lock of the thread's row.

create or replace function jims.question_json(p_question jims.questions) returns json
language sql stable as $$
  select json_build_object(
    'questionId', p_question.question_id,
    'chainId', p_question.chain_id,
    'runId', p_question.run_id,
    'threadId', p_question.thread_id,
    'contactId', (
      select t.contact_id from original.threads t where t.thread_id = p_question.thread_id),
    'audience', p_question.audience,
    'name', p_question.name,
    'text', p_question.text,
    'data', p_question.data,
    'schema', p_question.schema,
    'buttons', p_question.buttons,
    'accepts', p_question.accepts,
    'contents', p_question.contents,
    'early', p_question.early,
    'tell', p_question.tell,
    'state', p_question.state,
    'reason', p_question.reason,
    'answeredBy', p_question.answered_by,
    'askedAt', jims.iso(p_question.asked_at at time zone 'utc'),
    'expiresAt', jims.iso(p_question.expires_at at time zone 'utc'),
    'closedAt', jims.iso(p_question.closed_at at time zone 'utc'))
$$;

-- Whether an event that does not say which question it answers is an answer to this one.
create or replace function jims.is_answer(p_question jims.questions, p_type text, p_data json)
returns boolean
language plpgsql as $$
begin
  return coalesce(
    p_type = any (p_question.accepts)
    and (p_question.contents is null or p_data ->> 'content' = any (p_question.contents))
    and (
      json_typeof(p_data -> 'question_id') is distinct from 'string'
      or jims.as_uuid(p_data ->> 'question_id') = p_question.question_id),
    false);
end
$$;

-- A UUIDv7, as the ids of all runs are.
create or replace function jims.new_run_id() returns uuid
language plpgsql as $$
begin
  return (
    lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid;
end
$$;

-- Goes on with the chain of a question by a run of nobody, which this event starts: at once when the thread
-- is free, else at the end of its queue. It is not counted: nobody sent it. Returns its id.
create or replace function jims.continue_chain(
  p_question jims.questions, p_type text, p_data json
) returns uuid
language plpgsql as $$
declare
  v_run_id uuid := jims.new_run_id();
  v_waits boolean := exists (
    select from jims.runs
    where thread_id = p_question.thread_id and status in ('queued', 'running'));
begin
  insert into jims.runs
    (run_id, request_id, thread_id, status, instance_id, created_thread,
     incoming_stored, incoming_type, incoming_data,
     chain_id, continues, durable, counted)
  values
    (v_run_id, v_run_id, p_question.thread_id,
     case when v_waits then 'queued' else 'running' end::jims.run_status,
     '00000000-0000-0000-0000-000000000000', false,
     not v_waits,
     case when v_waits then p_type end,
     case when v_waits then p_data end,
     p_question.chain_id, p_question.question_id, true, false);
  if not v_waits then
    perform jims.append_events(p_question.thread_id, array[v_run_id], array[p_type], array[p_data]);
  end if;
  return v_run_id;
end
$$;

-- Closes an open question whose time is over; its chain goes on.
create or replace function jims.expire_question(p_question jims.questions) returns void
language plpgsql as $$
declare
  v_run_id uuid := jims.continue_chain(
    p_question, 'jims.question_expired',
    json_strip_nulls(json_build_object(
      'question_id', p_question.question_id, 'name', p_question.name)));
begin
  update jims.questions
  set state = 'expired', answered_by = v_run_id, closed_at = clock_timestamp()
  where question_id = p_question.question_id;
end
$$;

-- Closes an open question that is not to be answered. Its chain goes on only if p_tell; returns whether it does.
create or replace function jims.withdraw_question(
  p_question jims.questions, p_reason text, p_tell boolean
) returns boolean
language plpgsql as $$
declare
  v_run_id uuid;
begin
  if p_tell then
    v_run_id := jims.continue_chain(
      p_question, 'jims.question_withdrawn',
      json_build_object('question_id', p_question.question_id, 'reason', p_reason));
  end if;
  update jims.questions
  set state = 'withdrawn', reason = p_reason, answered_by = v_run_id, closed_at = clock_timestamp()
  where question_id = p_question.question_id;
  return p_tell;
end
$$;

create or replace function jims.open_contact_question(p_thread_id uuid) returns jims.questions
language plpgsql as $$
declare
  v_question jims.questions;
begin
  select * into v_question from jims.questions
  where thread_id = p_thread_id and state = 'open' and audience = 'contact';
  return v_question;
end
$$;

-- Opens the question that a running run ends with, in the place of the contact's open one. With `early` a
-- message that waits already may be its answer.
create or replace function jims.open_question(p_run jims.runs, p_question json) returns void
language plpgsql as $$
declare
  v_chain_id uuid := coalesce(p_run.chain_id, p_run.run_id);
  v_now timestamp with time zone := clock_timestamp();
  v_old jims.questions;
  v_question jims.questions;
  v_early record;
begin
  if p_question ->> 'audience' = 'contact' then
    v_old := jims.open_contact_question(p_run.thread_id);
    if v_old.expires_at <= v_now then
      perform jims.expire_question(v_old);
    elsif v_old.question_id is not null then
      perform jims.withdraw_question(v_old, 'superseded', v_old.tell);
    end if;
  end if;
  insert into jims.questions
    (question_id, chain_id, run_id, thread_id, audience, name, text, data, schema, buttons,
     accepts, contents, early, tell, asked_at, expires_at)
  values
    ((p_question ->> 'questionId')::uuid, v_chain_id, p_run.run_id, p_run.thread_id,
     p_question ->> 'audience', p_question ->> 'name', p_question ->> 'text',
     p_question -> 'data', p_question -> 'schema', p_question -> 'buttons',
     array(select json_array_elements_text(p_question -> 'accepts')),
     case when p_question -> 'contents' is not null
       then array(select json_array_elements_text(p_question -> 'contents')) end,
     (p_question ->> 'early')::boolean, (p_question ->> 'tell')::boolean,
     v_now,
     v_now + (p_question ->> 'expiresInMs')::double precision * interval '1 millisecond')
  returning * into v_question;
  -- A chain that began as a run that was not durable has nothing kept yet.
  update jims.runs
  set kept = coalesce(kept, p_question -> 'kept'), config = coalesce(config, p_question -> 'config')
  where run_id = v_chain_id and (kept is null or config is null);

  if not v_question.early then
    return;
  end if;
  for v_early in
    select run_id, incoming_type, incoming_data
    from jims.runs left join jims.instances i using (instance_id)
    where thread_id = p_run.thread_id and status = 'queued' and withdrawn_as is null
      and not cancel_requested and continues is null and counted
      -- A living process of the version before would take it for the begin of a chain.
      and (i.instance_id is null or i.version is not null)
    order by ticket
  loop
    continue when not jims.is_answer(v_question, v_early.incoming_type, v_early.incoming_data);
    update jims.runs
    set chain_id = v_chain_id, continues = v_question.question_id, durable = true
    where run_id = v_early.run_id;
    update jims.questions
    set state = 'answered', answered_by = v_early.run_id, closed_at = clock_timestamp()
    where question_id = v_question.question_id;
    return;
  end loop;
end
$$;

-- Questions, oldest first. The last row has no question: it has whether there are more.
create or replace function jims.list_questions(
  p_audience text, p_thread_id uuid, p_contact_id text, p_state text, p_after uuid, p_limit integer
) returns table (question json, more boolean)
language plpgsql stable as $$
declare
  v_question jims.questions;
  v_after timestamp with time zone := (
    select asked_at from jims.questions where question_id = p_after);
  v_taken integer := 0;
begin
  more := false;
  if p_after is not null and v_after is null then
    return next;
    return;
  end if;
  -- Planned for its values: a filter that is null does not keep an index from being used. Between dollars,
  -- as the name of the schema may have quotes in it.
  for v_question in execute $sql$
    select q.* from jims.questions q join original.threads t using (thread_id)
    where ($1 is null or q.audience = $1) and ($2 is null or q.thread_id = $2)
      and ($3 is null or t.contact_id = $3) and ($4 is null or q.state = $4)
      and ($5 is null or (q.asked_at, q.question_id) > ($5, $6))
    order by q.asked_at, q.question_id limit $7 $sql$
    using p_audience, p_thread_id, p_contact_id, p_state, v_after, p_after, p_limit + 1
  loop
    more := v_taken = p_limit;
    exit when more;
    question := jims.question_json(v_question);
    return next;
    v_taken := v_taken + 1;
  end loop;
  question := null;
  return next;
end
$$;
