-- Functions in the form of the version before, for its processes, which go on while a deployment is under
-- way. They know nothing of chains: what they accept answers nothing, what they end asks nothing, and
-- they neither recover nor repeat a durable run.

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
  p_known_thread_id uuid, p_known_created_at timestamp without time zone, p_known_id uuid
) returns json
language plpgsql as $$
begin
  return jims.accept_run(
    p_run_id, p_instance_id, p_thread_id, p_contact_id, p_after_created_at, p_after_id,
    p_thread_config, p_new_thread_id, p_event_id, p_external_id, p_find_external, p_replaces,
    p_seed_ids, p_seed_types, p_seed_data, p_incoming_type, p_incoming_data, p_hold_incoming,
    p_on_busy, p_queue_limit, p_scope, p_key, p_fingerprint, p_ttl_ms,
    p_known_thread_id, p_known_created_at, p_known_id,
    null, null, null, null, false);
end
$$;

create or replace function jims.finish_run(
  p_run_id uuid, p_attempt integer, p_thread_id uuid, p_instance_id uuid,
  p_status jims.run_status, p_ids uuid[], p_types text[], p_data json[],
  p_error_code text, p_error_message text, p_usage json, p_last_seq integer,
  p_progress_seqs integer[], p_progress_events json[]
) returns json
language plpgsql as $$
begin
  return jims.finish_run(
    p_run_id, p_attempt, p_thread_id, p_instance_id, p_status, p_ids, p_types, p_data,
    p_error_code, p_error_message, p_usage, p_last_seq, p_progress_seqs, p_progress_events,
    null, null);
end
$$;

create or replace function jims.reap_runs() returns json
language plpgsql as $$
begin
  return jims.reap_runs(null, 'none', 0, 0, null);
end
$$;
