import type { TakenDelivery } from 'jims-core';

import { pageFileAddress } from '../../../chat/file-address.ts';
import { isActive, statusOf } from '../../../chat/run-status.ts';
import { seesModels, visibleTo } from '../../../chat/visibility.ts';
import type { ApiContext, Delivering } from '../../../http/route.ts';
import type { WebhookMessage } from '../../../http/webhooks/webhooks.ts';
import { taskBefore } from '../chain.ts';
import { legacyTask } from '../legacy.ts';
import { endedTask } from '../task.ts';
import { keptConfig } from './push-config.ts';
import type { KeptConfig } from './push-config.ts';

/** Sends push notifications. */
export const pushDelivering: Delivering = { target: keptConfig, message: pushMessage };

/**
 * A push notification: the task as it was when one of its runs ended, or its question was withdrawn. The same
 * each time that it is sent; `undefined` when the run is gone, or is executed once more.
 */
async function pushMessage(
  api: ApiContext,
  { subscription, runId, change }: TakenDelivery,
): Promise<WebhookMessage | undefined> {
  const record = await api.app.runs.record(runId);
  const run = await api.app.runs.find(runId);
  if (!record || !run || isActive(statusOf(record))) return undefined;
  const config = keptConfig(subscription);
  const { id, earlier } = await taskBefore(api, runId);
  const { thread, incoming, question, finishedAt: at } = record;
  const { fileSignatures, publicUrl = config.address } = api;
  const of = {
    id,
    thread,
    earlier,
    question: incoming,
    seesModels: seesModels(config.caller),
    sees: visibleTo(config.caller),
    answersInStatus: config.answersInStatus,
    addressOf: pageFileAddress({ publicUrl, fileSignatures }),
  };
  const shown = change === 'ended' && question ? { ...question, state: 'open' as const } : question;
  // What was said is for those who ask for it.
  const view = { at, question: shown, historyLength: 0, exposeErrors: api.exposeErrors };
  const task = endedTask(of, await run.end, view);
  const isLegacy = config.version === '0.3';
  return {
    url: config.url,
    contactId: config.caller.kind === 'contact' ? config.caller.contactId : undefined,
    body: JSON.stringify(isLegacy ? legacyTask(task) : { task }),
    headers: {
      'content-type': isLegacy ? 'application/json' : 'application/a2a+json',
      ...secretsOf(config),
    },
  };
}

function secretsOf({ token, authentication }: KeptConfig): Readonly<Record<string, string>> {
  const { scheme, credentials } = authentication ?? {};
  return {
    ...(token !== undefined && { 'x-a2a-notification-token': token }),
    ...(credentials !== undefined && { authorization: `${scheme} ${credentials}` }),
  };
}
