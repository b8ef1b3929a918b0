-- Who is to be sent what changes in chains, and what is still to be sent.
--
-- :max_subscriptions stands for how many subscriptions of a kind a chain may have.

-- Notes a change of a chain for all that subscribed to it.
create or replace function jims.note_change(p_chain_id uuid, p_run_id uuid, p_change text) returns void
language plpgsql as $$
begin
  -- Locked whatever their state is: a process that ends the delivery before looks whether there is another one,
  -- and must see this one, or be over before it.
  perform from jims.subscriptions where chain_id = p_chain_id
  order by subscription_id for no key update;
  insert into jims.deliveries (subscription_id, run_id, change)
  select subscription_id, p_run_id, p_change from jims.subscriptions where chain_id = p_chain_id;
  update jims.subscriptions set due_at = coalesce(due_at, clock_timestamp())
  where chain_id = p_chain_id;
end
$$;

create or replace function jims.note_withdrawal() returns trigger
language plpgsql as $$
begin
  perform jims.note_change(new.chain_id, new.run_id, 'withdrawn');
  return null;
end
$$;

-- Keeps a subscription. What has just ended may have ended while its caller wrote it: a new one is sent that.
create or replace function jims.subscribe(
  p_chain_id uuid, p_kind text, p_owner text, p_name text, p_config json
) returns text
language plpgsql set lock_timeout = '5s' as $$
declare
  v_thread_id uuid;
  v_id uuid;
  v_newest record;
begin
  select thread_id into v_thread_id from jims.runs where run_id = p_chain_id and chain_id is null;
  -- Under the lock no run of the chain begins or ends.
  perform from original.threads where thread_id = v_thread_id for no key update;
  if not found or not exists (select from jims.runs where run_id = p_chain_id) then
    return 'chain_not_found';
  end if;
  -- Of one that is being sent now the end is waited for.
  update jims.subscriptions
  set config = p_config,
      due_at = case when due_at is null or claim is not null then due_at else clock_timestamp() end
  where chain_id = p_chain_id and kind = p_kind and owner = p_owner and name = p_name;
  if found then
    return 'stored';
  end if;
  if (
    select count(*) from jims.subscriptions where chain_id = p_chain_id and kind = p_kind
  ) >= :max_subscriptions then
    return 'too_many_subscriptions';
  end if;
  insert into jims.subscriptions (thread_id, chain_id, kind, owner, name, config)
  values (v_thread_id, p_chain_id, p_kind, p_owner, p_name, p_config)
  returning subscription_id into v_id;
  select r.run_id, r.finished_at, q.state, q.answered_by into v_newest
  from (
    select * from jims.runs where run_id = p_chain_id
    union all
    select * from jims.runs where chain_id = p_chain_id
  ) as r left join jims.questions q on q.question_id = r.question_id
  order by r.ticket desc limit 1;
  if v_newest.finished_at is not null then
    insert into jims.deliveries (subscription_id, run_id, change)
    values (
      v_id, v_newest.run_id,
      case when v_newest.state = 'withdrawn' and v_newest.answered_by is null
        then 'withdrawn' else 'ended' end);
    update jims.subscriptions set due_at = clock_timestamp() where subscription_id = v_id;
  end if;
  return 'stored';
end
$$;

create or replace function jims.subscription_json(p_subscription jims.subscriptions) returns json
language sql stable as $$
  select json_build_object(
    'chainId', p_subscription.chain_id,
    'kind', p_subscription.kind,
    'owner', p_subscription.owner,
    'name', p_subscription.name,
    'config', p_subscription.config,
    'createdAt', jims.iso(p_subscription.created_at at time zone 'utc'))
$$;

-- Gives deliveries that are due to a process.
create or replace function jims.take_deliveries(
  p_kinds text[], p_lease_ms double precision, p_limit integer
) returns json[]
language plpgsql set lock_timeout = '5s' as $$
declare
  v_subscription jims.subscriptions;
  v_delivery jims.deliveries;
  v_claim uuid;
  v_taken json[] := '{}';
begin
  for v_subscription in
    select * from jims.subscriptions
    where kind = any (p_kinds) and due_at <= clock_timestamp()
    order by due_at limit p_limit
    for no key update skip locked
  loop
    select * into v_delivery from jims.deliveries
    where subscription_id = v_subscription.subscription_id and not is_dead
    order by ticket limit 1;
    v_claim := case when found then gen_random_uuid() end;
    update jims.subscriptions
    set claim = v_claim,
        due_at = case when v_claim is not null
          then clock_timestamp() + p_lease_ms * interval '1 millisecond' end
    where subscription_id = v_subscription.subscription_id;
    continue when v_claim is null;
    update jims.deliveries set attempts = attempts + 1 where delivery_id = v_delivery.delivery_id;
    v_taken := v_taken || json_build_object(
      'deliveryId', v_delivery.delivery_id,
      'claim', v_claim,
      'subscription', jims.subscription_json(v_subscription),
      'runId', v_delivery.run_id,
      'change', v_delivery.change,
      'createdAt', jims.iso(v_delivery.created_at at time zone 'utc'),
      'attempt', v_delivery.attempts + 1);
  end loop;
  return v_taken;
end
$$;

-- Notes what became of a delivery: `sent`, `failed` or `dead`. False when another process has it.
create or replace function jims.end_delivery(
  p_delivery_id uuid, p_claim uuid, p_outcome text, p_retry_in_ms double precision, p_error text
) returns boolean
language plpgsql set lock_timeout = '5s' as $$
declare
  v_id uuid;
begin
  select subscription_id into v_id from jims.deliveries where delivery_id = p_delivery_id;
  -- Under the lock nothing is noted for it: see note_change.
  perform from jims.subscriptions where subscription_id = v_id and claim = p_claim for no key update;
  if not found then
    return false;
  end if;
  if p_outcome = 'sent' then
    delete from jims.deliveries where delivery_id = p_delivery_id;
  else
    update jims.deliveries set error = p_error, is_dead = (p_outcome = 'dead')
    where delivery_id = p_delivery_id;
  end if;
  update jims.subscriptions
  set claim = null,
      due_at = case
        when p_outcome = 'failed' then clock_timestamp() + p_retry_in_ms * interval '1 millisecond'
        when exists (select from jims.deliveries where subscription_id = v_id and not is_dead)
        then clock_timestamp()
      end
  where subscription_id = v_id;
  return true;
end
$$;
