-- External ids, each of which is unique within its contact.
--
-- :'superseded' stands for the beginning of the external id of a thread that another one replaced.

-- The contact's thread of an external id, the newest of several. The index is on the hash.
create or replace function jims.external_thread(p_contact_id text, p_external_id text) returns uuid
language plpgsql as $$
begin
  return (
    select thread_id from original.threads
    where hashtextextended(external_id, 0) = hashtextextended(p_external_id, 0)
      and external_id = p_external_id and contact_id = p_contact_id
    order by created_at desc, thread_id desc limit 1
  );
end
$$;

-- Waits until nobody else can be making, or taking over, the contact's thread of an external id.
create or replace function jims.lock_external_id(p_contact_id text, p_external_id text) returns void
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(
    hashtextextended('jims.ext:' || p_external_id, hashtextextended(p_contact_id, 0)));
end
$$;

-- The contact's thread of an external id, with its row locked; nulls when it does not exist, and then
-- nobody else can make it before this transaction is over.
create or replace function jims.take_external_thread(p_contact_id text, p_external_id text)
returns jims.thread
language plpgsql as $$
declare
  v_thread jims.thread;
  v_id uuid;
  v_locked boolean := false;
begin
  loop
    v_id := jims.external_thread(p_contact_id, p_external_id);
    if v_id is not null then
      -- Another thread may take its external id over while we wait for the row.
      select thread_id, contact_id, external_id, created_at, thread_config into v_thread
      from original.threads where thread_id = v_id and external_id = p_external_id
      for no key update;
      exit when found;
    elsif v_locked then
      exit;
    else
      perform jims.lock_external_id(p_contact_id, p_external_id);
      v_locked := true;
    end if;
  end loop;
  return v_thread;
end
$$;

-- Lets a new thread take over an external id. False when p_replaces is not the thread that has it. Without an
-- external id the new thread replaces p_replaces: false when that has one, or is not the contact's. What the
-- replaced thread asked is not to be answered any more.
create or replace function jims.supersede(
  p_contact_id text, p_external_id text, p_replaces uuid, p_new_thread_id uuid
) returns boolean
language plpgsql as $$
declare
  v_superseded uuid[];
begin
  if p_external_id is null then
    update original.threads set external_id = :'superseded' || p_new_thread_id
    where thread_id = p_replaces and contact_id = p_contact_id and external_id is null;
    if not found then
      return false;
    end if;
    v_superseded := array[p_replaces];
  else
    perform jims.lock_external_id(p_contact_id, p_external_id);
    if p_replaces is not null
      and p_replaces is distinct from jims.external_thread(p_contact_id, p_external_id)
    then
      return false;
    end if;
    with superseded as (
      update original.threads set external_id = :'superseded' || p_new_thread_id
      where hashtextextended(external_id, 0) = hashtextextended(p_external_id, 0)
        and external_id = p_external_id and contact_id = p_contact_id
      returning thread_id
    )
    select array_agg(thread_id) into v_superseded from superseded;
  end if;
  if v_superseded is not null then
    update jims.questions
    set state = 'withdrawn', reason = 'replaced', closed_at = clock_timestamp()
    where thread_id = any (v_superseded) and state = 'open';
  end if;
  return true;
end
$$;
