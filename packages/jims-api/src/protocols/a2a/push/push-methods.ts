// The methods about push notification configs: a config is a subscription to the task's chain.
import type { JsonObject, NewSubscription, SubscriptionOwner } from 'jims-core';
import { MAX_SUBSCRIPTIONS, subscriptionsOf } from 'jims-core/host';
import type { Subscriptions } from 'jims-core/host';
import * as v from 'valibot';

import { contactId } from '../../../http/contact.ts';
import type { HttpError } from '../../../http/errors.ts';
import { parseBody } from '../../../http/fastapi/validation.ts';
import { originOrPublicUrl } from '../../../http/public-address.ts';
import type { ApiContext, Call } from '../../../http/route.ts';
import type { Webhooks } from '../../../http/webhooks/webhooks.ts';
import { rpcFailure } from '../../json-rpc.ts';
import { wantsAnswersInStatus } from '../extensions.ts';
import { failure, unsupported } from '../failures.ts';
import { fromProtoJson } from '../proto-json.ts';
import { PROTOCOL } from '../task-run.ts';
import { requireTask } from '../tasks.ts';
import {
  decodePushConfig,
  keptConfig,
  legacyPushConfigOf,
  pushConfigOf,
  pushParamsFromLegacy,
} from './push-config.ts';
import type { KeptConfig, PushConfig } from './push-config.ts';

/** The params of a method, in the form of A2A 1.0 or 0.3. */
export interface PushParams {
  readonly params: JsonObject;
  readonly legacy: boolean;
}

const metadata = v.nullish(v.looseObject({ contact_id: v.optional(contactId) }));
const TaskParams = v.object({ taskId: v.string(), metadata });
const ConfigParams = v.object({ ...TaskParams.entries, id: v.nullish(v.string()) });

/** A task of the caller, and what they subscribed to it. */
interface OwnTask extends SubscriptionOwner {
  readonly subscriptions: Subscriptions;
}

export async function createPushConfig(
  api: ApiContext,
  call: Call,
  { params, legacy }: PushParams,
): Promise<object> {
  const webhooks = requireWebhooks(api);
  const read = readParams(params, legacy);
  const config = decodePushConfig(read);
  requireAddress(webhooks, config);
  const task = await ownTask(api, call, parseBody(TaskParams, read));
  return encoderFor(legacy)(await subscribe(task, keptOf(api, call, config), config.id));
}

export async function getPushConfig(
  api: ApiContext,
  call: Call,
  { params, legacy }: PushParams,
): Promise<object> {
  requireWebhooks(api);
  const read = parseBody(ConfigParams, readParams(params, legacy));
  const all = await configsOf(await ownTask(api, call, read));
  // Clients of 0.3 may leave the id out.
  const found = read.id ? all.find(({ name }) => name === read.id) : all[0];
  if (!found) throw failure('task_not_found', 'The task has no such push notification config');
  return encoderFor(legacy)(found);
}

export async function listPushConfigs(
  api: ApiContext,
  call: Call,
  { params, legacy }: PushParams,
): Promise<object> {
  requireWebhooks(api);
  const read = parseBody(TaskParams, readParams(params, legacy));
  const all = await configsOf(await ownTask(api, call, read));
  const configs = all.map(encoderFor(legacy));
  return legacy ? configs : { configs };
}

/** Deletes a config, also one that is not there. */
export async function deletePushConfig(
  api: ApiContext,
  call: Call,
  { params, legacy }: PushParams,
): Promise<object | null> {
  requireWebhooks(api);
  const read = parseBody(ConfigParams, readParams(params, legacy));
  const { subscriptions, ...owner } = await ownTask(api, call, read);
  await subscriptions.unsubscribe({ ...owner, name: read.id ?? '' });
  return legacy ? null : {};
}

/** Keeps the config that came with a message, once the message is part of a task. */
export type KeepPushConfig = (taskId: string) => Promise<void>;

/**
 * Reads the config that comes with a message, to this task or to a new one.
 *
 * @throws HttpError for one that cannot be kept, before the message is accepted.
 */
export async function pushConfigOfMessage(
  api: ApiContext,
  call: Call,
  { push, taskId }: { readonly push: unknown; readonly taskId: string | undefined },
): Promise<KeepPushConfig | undefined> {
  if (push === undefined || push === null) return undefined;
  const webhooks = requireWebhooks(api);
  const config = decodePushConfig(push);
  requireAddress(webhooks, config);
  const subscriptions = await subscriptionsOf(api.app);
  const owner = { kind: PROTOCOL, owner: ownerOf(call) };
  if (taskId !== undefined) {
    const names = (await configsOf({ subscriptions, chainId: taskId, ...owner })).map(
      ({ name }) => name,
    );
    const isNew = !names.includes(config.id ?? taskId);
    if (isNew && names.length >= MAX_SUBSCRIPTIONS) throw tooMany();
  }
  const kept = keptOf(api, call, config);
  return async (chainId) => {
    await subscribe({ subscriptions, chainId, ...owner }, kept, config.id);
  };
}

/** In the form of 1.0. */
function readParams(params: JsonObject, legacy: boolean): unknown {
  return fromProtoJson(legacy ? pushParamsFromLegacy(params) : params);
}

function requireWebhooks({ webhooks }: ApiContext): Webhooks {
  return webhooks ?? unsupported.push();
}

function requireAddress(webhooks: Webhooks, { url }: PushConfig): void {
  const refusal = webhooks.refusalOf(url);
  if (refusal !== undefined) throw rpcFailure('invalid_params', refusal);
}

async function ownTask(
  api: ApiContext,
  call: Call,
  { taskId, metadata: named }: v.InferOutput<typeof TaskParams>,
): Promise<OwnTask> {
  const { runId } = await requireTask(api, call, { id: taskId, contactId: named?.contact_id });
  const subscriptions = await subscriptionsOf(api.app);
  return { subscriptions, chainId: runId, kind: PROTOCOL, owner: ownerOf(call) };
}

function configsOf({ subscriptions, ...owner }: OwnTask): Promise<readonly NewSubscription[]> {
  return subscriptions.subscriptions(owner);
}

/**
 * Of a task that a contact and a service reach, neither sees the secrets of the other. A contact is the same one by
 * each of their tokens, and when a service names them by the header.
 */
function ownerOf({ principal }: Call): string {
  return `${principal.kind}:${principal.kind === 'contact' ? principal.contactId : principal.id}`;
}

async function subscribe(
  { subscriptions, ...owner }: OwnTask,
  config: KeptConfig,
  name: string = owner.chainId,
): Promise<NewSubscription> {
  const subscription = { ...owner, name, config: { ...config } };
  const result = await subscriptions.subscribe(subscription);
  if (result === 'too_many_subscriptions') throw tooMany();
  if (result === 'chain_not_found') throw failure('task_not_found', 'The task is gone');
  return subscription;
}

function keptOf(api: ApiContext, call: Call, config: PushConfig): KeptConfig {
  return keptConfig({
    config: {
      ...config,
      caller: call.principal,
      answersInStatus: wantsAnswersInStatus(call),
      address: originOrPublicUrl(api, call.request),
      sender: api.webhooks?.names[0],
    },
  });
}

function encoderFor(legacy: boolean): (subscription: NewSubscription) => JsonObject {
  return legacy ? legacyPushConfigOf : pushConfigOf;
}

function tooMany(): HttpError {
  const what = `The task has ${MAX_SUBSCRIPTIONS} push notification configs: delete one, or give this one the id of one of them`;
  return rpcFailure('invalid_params', what);
}
