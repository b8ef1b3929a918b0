import type { Thread, ThreadEvent, Trace } from 'jims-client';
import { saveConversation } from 'jims-core/saved-conversation';

import type { Service } from '../service/service.ts';

/** A conversation is for people to read: more runs are not a test. */
const MAX_RUNS = 500;

/**
 * Gives the browser a file that `replayConversation` of `jims-core/testing` runs as a test; resolves with the name
 * of the file.
 */
export async function saveAsTest(service: Service, thread: Thread): Promise<string> {
  const [events, runs] = await Promise.all([
    eventsOf(service, thread.thread_id),
    tracesOf(service, thread.thread_id),
  ]);
  const name = `${fileNameOf(thread)}.conversation.json`;
  save(name, saveConversation({ thread, events, runs }));
  return name;
}

/** Gives the browser everything that the API has of a thread. */
export async function saveAsJson(service: Service, thread: Thread): Promise<void> {
  const [events, runs] = await Promise.all([
    eventsOf(service, thread.thread_id),
    tracesOf(service, thread.thread_id),
  ]);
  save(`${fileNameOf(thread)}.json`, { thread, events, runs });
}

/** Oldest first. */
async function eventsOf(service: Service, threadId: string): Promise<readonly ThreadEvent[]> {
  const events: ThreadEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await service.events(threadId, cursor);
    events.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return events.toReversed();
}

async function tracesOf(service: Service, threadId: string): Promise<readonly Trace[]> {
  const traces: Trace[] = [];
  let cursor: string | undefined;
  do {
    const page = await service.runs(threadId, cursor);
    for (const { run_id: runId } of page.items) traces.push(await service.trace(runId));
    cursor = page.cursor;
    if (traces.length > MAX_RUNS)
      throw new Error(`A thread with more than ${MAX_RUNS} runs is not saved.`);
  } while (cursor !== undefined);
  return traces;
}

function fileNameOf({ title, thread_id: threadId }: Thread): string {
  const words = (title ?? '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '');
  return words.slice(0, 60) || threadId;
}

function save(name: string, value: unknown): void {
  const url = URL.createObjectURL(
    new Blob([`${JSON.stringify(value, undefined, 2)}\n`], { type: 'application/json' }),
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
