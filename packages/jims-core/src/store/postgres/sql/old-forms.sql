-- Functions in the forms of versions before, for their processes, which go on while a deployment is under way.

-- Those of version 2 know nothing of chains: what they accept answers nothing, what they end asks nothing, and
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

-- Threads, newest first: p_limit threads and p_max_bytes at most, but one thread at least. The last row has
-- no thread: it has whether there are more.
create or replace function jims.list_threads(
  p_contact_id text, p_external_id text, p_current boolean,
  p_created_at timestamp without time zone, p_id uuid, p_limit integer, p_max_bytes bigint
) returns table (thread json, more boolean)
language plpgsql stable as $$
declare
  v_thread record;
  v_bytes bigint := 0;
  v_taken integer := 0;
begin
  more := false;
  -- Planned for its values: a filter that is null does not keep an index from being used. Between dollars,
  -- as the name of the schema may have quotes in it.
  for v_thread in execute $sql$
    select thread_id, contact_id, external_id, created_at, thread_config from original.threads
    where ($1 is null or contact_id = $1) and ($2 is null or external_id = $2)
      and ($3 is null or (created_at, thread_id) < ($3, $4))
      and (not $6 or external_id is null or not starts_with(external_id, $7))
    order by created_at desc, thread_id desc limit $5 $sql$
    using p_contact_id, p_external_id, p_created_at, p_id, p_limit + 1, p_current,
          :'superseded'
  loop
    v_bytes := v_bytes + octet_length(v_thread.thread_config::text);
    more := v_taken > 0 and (v_taken >= p_limit or v_bytes > p_max_bytes);
    exit when more;
    thread := jims.thread_json(
      v_thread.thread_id, v_thread.contact_id, v_thread.external_id, v_thread.created_at,
      v_thread.thread_config);
    return next;
    v_taken := v_taken + 1;
  end loop;
  thread := null;
  return next;
end
$$;

create or replace function jims.page_events(
  p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid,
  p_domains text[], p_limit integer, p_max_bytes bigint, p_look_at integer
) returns table (id uuid, "createdAt" text, type text, data json, more boolean)
language plpgsql stable as $$
begin
  return query select * from jims.page_events(
    p_thread_id, p_created_at, p_id, null, null, false, p_domains, p_limit, p_max_bytes, p_look_at);
end
$$;
