import type { Service } from '../service/service.ts';
import type { Trace } from '../service/wire.ts';
import { runBodyOf, sentMessageOf } from './request-code.ts';
import type { SentMessage } from './request-code.ts';

/**
 * Sends the message of a run in a copy of its thread, as that was before; resolves with the id of the copy. The
 * answer to a question means nothing in a copy, where nothing was asked: there the message that the run of the
 * question began with is sent.
 */
export async function runAgain(service: Service, trace: Trace, sent: SentMessage): Promise<string> {
  const first = trace.chain_id === trace.run_id ? sent : await firstOf(service, trace);
  const { thread_id: threadId } = await service.client.threads.fork(trace.thread_id, {
    before: first.eventId,
  });
  await service.startRun(threadId, runBodyOf(first));
  return threadId;
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
