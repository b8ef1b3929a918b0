-- How a run is asked to stop.

-- Whether a durable run has no living process. One that drains may still have it.
create or replace function jims.is_ownerless(p_run jims.runs) returns boolean
language plpgsql stable as $$
begin
  return p_run.durable and not exists (
    select from jims.instances
    where instance_id = p_run.instance_id and lease_until > clock_timestamp());
end
$$;

-- Asks the process of a run to stop it. A run of nobody ends at once; a question that a finished run waits
-- for is withdrawn. Returns the status that the run has then, with its process, and the run that was
-- started after it.
create or replace function jims.request_cancel(p_run_id uuid) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_run jims.runs;
  v_question jims.questions;
  v_next json;
begin
  -- Nothing is found of a thread that is being erased.
  select * into v_run from jims.runs r where run_id = p_run_id
    and exists (select from original.threads t where t.thread_id = r.thread_id);
  if v_run.question_id is not null or (v_run.finished_at is null and jims.is_ownerless(v_run)) then
    perform from original.threads where thread_id = v_run.thread_id for no key update;
    -- Read again, under the lock.
    select * into v_run from jims.runs where run_id = p_run_id;
    if v_run.question_id is not null then
      select * into v_question from jims.questions
      where question_id = v_run.question_id and state = 'open';
      if found then
        perform jims.withdraw_question(v_question, 'cancelled', false);
      end if;
    elsif v_run.finished_at is null and jims.is_ownerless(v_run) then
      perform jims.mark_cancelled(v_run);
      if v_run.status = 'running' then
        select next into v_next from jims.start_next(v_run.thread_id);
      end if;
    end if;
  end if;
  update jims.runs set cancel_requested = true
  where run_id = p_run_id and status in ('queued', 'running');
  select * into v_run from jims.runs r where run_id = p_run_id
    and exists (select from original.threads t where t.thread_id = r.thread_id);
  return json_build_object('status', v_run.status, 'instanceId', v_run.instance_id, 'next', v_next);
end
$$;
