-- What is known of files. Those of a thread that is gone are marked by the trigger on its row.

-- Begins a file. False when the files of its contact would be more bytes than they may be.
create or replace function jims.begin_file(
  p_file_id uuid, p_contact_id text, p_name text, p_size bigint, p_thread_id uuid, p_event_id uuid,
  p_max_bytes bigint
) returns boolean
language plpgsql set lock_timeout = '5s' set enable_seqscan = off as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('jims.files:' || p_contact_id, 0));
  if p_size + (
    select coalesce(sum(size), 0) from jims.files
    where hashtextextended(contact_id, 0) = hashtextextended(p_contact_id, 0)
      and contact_id = p_contact_id and state <> 'erasing'
  ) > p_max_bytes then
    return false;
  end if;
  insert into jims.files (file_id, contact_id, name, size, thread_id, event_id)
  values (p_file_id, p_contact_id, p_name, p_size, p_thread_id, p_event_id);
  return true;
end
$$;

create or replace function jims.file_json(f jims.files) returns json
language sql stable as $$
  select json_build_object(
    'fileId', f.file_id, 'contactId', f.contact_id, 'name', f.name, 'mediaType', f.media_type,
    'size', f.size, 'digest', f.digest, 'createdAt', jims.iso(f.created_at), 'threadId', f.thread_id)
$$;

create or replace function jims.complete_file(
  p_file_id uuid, p_media_type text, p_size bigint, p_digest text
) returns json
language plpgsql set lock_timeout = '5s' as $$
declare
  v_file jims.files;
begin
  -- Once more, as after an answer that was lost, changes nothing.
  update jims.files set state = 'ready', media_type = p_media_type, size = p_size, digest = p_digest
  where file_id = p_file_id and state in ('uploading', 'ready')
  returning * into v_file;
  return case when v_file.file_id is not null then jims.file_json(v_file) end;
end
$$;

-- The files of a contact or a thread in their order, as jims.bounded gives them.
create or replace function jims.list_files(
  p_contact_id text, p_thread_id uuid, p_created_at timestamp without time zone, p_id uuid,
  p_limit integer, p_max_bytes bigint
) returns table (file json, more boolean)
language plpgsql stable set enable_seqscan = off as $$
declare
  v_rows refcursor;
  v_sql text := $sql$ select jims.file_json(f) from jims.files f where state = 'ready' $sql$;
begin
  if p_contact_id is not null then
    v_sql := v_sql || ' and hashtextextended(contact_id, 0) = hashtextextended($1, 0)
      and contact_id = $1 and state <> ''erasing''';
  end if;
  if p_thread_id is not null then
    v_sql := v_sql || ' and thread_id = $2 and state <> ''erasing''';
  end if;
  if p_created_at is not null then
    v_sql := v_sql || ' and (created_at, file_id) > ($3, $4)';
  end if;
  open v_rows for execute v_sql || ' order by created_at, file_id limit $5'
    using p_contact_id, p_thread_id, p_created_at, p_id, p_limit + 1;
  return query select * from jims.bounded(v_rows, p_limit, p_max_bytes);
end
$$;

-- Marks files of a contact that is erased, p_limit at most; returns how many.
create or replace function jims.drop_contact_files(p_contact_id text, p_limit integer) returns integer
language plpgsql set lock_timeout = '5s' set enable_seqscan = off as $$
declare
  v_count integer;
begin
  update jims.files set state = 'erasing' where file_id in (
    select file_id from jims.files
    where hashtextextended(contact_id, 0) = hashtextextended(p_contact_id, 0)
      and contact_id = p_contact_id and state <> 'erasing'
    limit p_limit for update);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

-- Marks what is too old and named by nothing; returns files whose bytes are to be removed.
create or replace function jims.files_to_erase(p_unnamed_ms double precision, p_limit integer)
returns uuid[]
language plpgsql set lock_timeout = '5s' set enable_seqscan = off as $$
declare
  v_ids uuid[];
begin
  select coalesce(array_agg(locked.file_id), '{}') into v_ids from (
    select file_id from jims.files
    where (state = 'uploading' or (state = 'ready' and (thread_id is null or event_id is not null)))
      and created_at <= (clock_timestamp() at time zone 'utc') - p_unnamed_ms * interval '1 millisecond'
    order by created_at, file_id limit p_limit for update skip locked
  ) as locked;
  -- In a statement of its own, which sees what was stored before the rows were locked.
  update jims.files f
  set event_id = null,
      state = case
        when f.state = 'ready' and exists (
          select from original.thread_events e
          where e.thread_id = f.thread_id and e.event_id = f.event_id)
        then 'ready' else 'erasing' end
  where f.file_id = any (v_ids)
    and (f.state = 'uploading' or (f.state = 'ready' and (f.thread_id is null or f.event_id is not null)));
  return array(
    select file_id from jims.files where state = 'erasing' order by file_id limit p_limit);
end
$$;

-- Accepts a run whose message names files: they get its thread. It is as if nothing was asked when one of
-- them cannot be had.
create or replace function jims.accept_with_files(
  p_files uuid[],
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
  v_result json;
  v_found integer;
begin
  v_result := jims.accept_run(
    p_run_id, p_instance_id, p_thread_id, p_contact_id, p_after_created_at, p_after_id,
    p_thread_config, p_new_thread_id, p_event_id, p_external_id, p_find_external, p_replaces,
    p_seed_ids, p_seed_types, p_seed_data, p_incoming_type, p_incoming_data, p_hold_incoming,
    p_on_busy, p_queue_limit, p_scope, p_key, p_fingerprint, p_ttl_ms,
    p_known_thread_id, p_known_created_at, p_known_id,
    p_kept, p_answer, p_question_id, p_audience, p_knows_chains);
  if v_result ->> 'kind' <> 'accepted' then
    return v_result;
  end if;
  -- In one order, so that two messages that name the same files do not wait for each other.
  perform from jims.files where file_id = any (p_files) order by file_id for update;
  update jims.files
  set thread_id = coalesce(thread_id, (v_result #>> '{thread,id}')::uuid)
  where file_id = any (p_files) and state = 'ready'
    and contact_id = v_result #>> '{thread,contactId}';
  get diagnostics v_found = row_count;
  if v_found < (select count(distinct id) from unnest(p_files) as id) then
    raise exception using errcode = 'JF404', message = 'jims: a file is unknown';
  end if;
  return v_result;
exception when sqlstate 'JF404' then
  return json_build_object('kind', 'file_not_found');
end
$$;
