import type { Trace } from 'jims-client';

import { nameCopy } from '../chat/copy-title.ts';
import type { Service } from '../service/service.ts';
import { runBodyOf, sentMessageOf } from './request-code.ts';
import type { SentMessage } from './request-code.ts';

/**
 * Sends the message of a run in a copy of its thread, as that was before; resolves with the id of the copy. The
 * answer to a question means nothing in a copy, where nothing was asked: there the message that the run of the
 * question began with is sent.
 */
export async function runAgain(service: Service, trace: Trace, sent: SentMessage): Promise<string> {
  const first = isContinuation(trace) ? await firstOf(service, trace) : sent;
  const { thread_id: threadId } = await service.client.threads.fork(trace.thread_id, {
    before: first.eventId,
  });
  await nameCopy(service.client, trace.thread_id, threadId);
  await service.startRun(threadId, runBodyOf(first));
  return threadId;
}

/** Whether the run goes on with what another one began, such as after the answer to a question. */
export function isContinuation({ chain_id: chainId, run_id: runId }: Trace): boolean {
  return chainId !== runId;
}

async function firstOf(
  service: Service,
  { thread_id: threadId, chain_id: chainId }: Trace,
): Promise<SentMessage> {
  let cursor: string | undefined;
  do {
    const page = await service.events(threadId, cursor);
    const event = page.items.find(({ event_id: id }) => id === chainId);
    if (event) return sentMessageOf(event);
    cursor = page.cursor;
  } while (cursor !== undefined);
  throw new Error('The message that it began with is not in the thread any more.');
}
