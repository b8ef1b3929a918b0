import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

import { openStore } from '../../src/store/open-store.ts';
import type {
  AcceptRequest,
  AcceptResult,
  AcceptedRun,
  EventPosition,
  FinishResult,
  IdempotencyKey,
  RunOutcomeRecord,
  RunOwner,
  RunThread,
  Store,
  ThreadQuery,
} from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import type { NewEvent, ThreadEvent } from '../../src/thread/event.ts';
import { newId } from '../../src/thread/new-id.ts';
import type { ThreadOverview } from '../../src/thread/thread.ts';
import type { StoreUnderTest } from './stores.ts';

/** A process that runs runs on a store, as far as the store can tell. */
export interface StoreUser {
  readonly store: Store;
  readonly instanceId: string;
  /** Asks in the latest thread of `customer:1`, unless told otherwise. */
  ask(text: string, terms?: Partial<AcceptRequest>): Promise<AcceptResult>;
  /** The same, sure that it is accepted. */
  accept(text: string, terms?: Partial<AcceptRequest>): Promise<AcceptedRun>;
  owner(run: AcceptedRun): RunOwner;
  /** Ends a run: completed with these messages, unless told otherwise. */
  finish(
    run: AcceptedRun,
    messages?: readonly string[],
    outcome?: Partial<RunOutcomeRecord>,
  ): Promise<FinishResult>;
}

const LEASE_MS = 60_000;

/** A store on a database of its own, and a living process on it. */
export async function freshStore(
  kind: StoreUnderTest,
): Promise<StoreUser & AsyncDisposable & { readonly url: string }> {
  const database = await kind.fresh();
  const store = await openStore(database.url);
  return {
    ...(await storeUser(store)),
    url: database.url,
    async [Symbol.asyncDispose]() {
      await store.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A process with a lease. */
export async function storeUser(store: Store): Promise<StoreUser> {
  const instanceId = randomUUID();
  await store.renewLease(instanceId, LEASE_MS);

  function ask(text: string, terms: Partial<AcceptRequest> = {}): Promise<AcceptResult> {
    return store.acceptRun({
      runId: newId(),
      instanceId,
      thread: latestOf('customer:1'),
      incoming: question(text),
      holdIncomingOnNewThread: false,
      onBusy: 'queue',
      queueLimit: 100,
      ...terms,
    });
  }

  function owner({ runId, attempt, thread }: AcceptedRun): RunOwner {
    return { runId, attempt, threadId: thread.id, instanceId };
  }

  return {
    store,
    instanceId,
    ask,
    owner,
    async accept(text, terms) {
      const result = await ask(text, terms);
      assert.equal(result.kind, 'accepted');
      return result;
    },
    finish: (run, messages = [], outcome = {}) =>
      store.finishRun(owner(run), {
        status: 'completed',
        events: messages.map(answer),
        lastSeq: 1,
        ...outcome,
      }),
  };
}

export function latestOf(contactId: string): RunThread {
  return { kind: 'latest', contactId, threadConfig: { interface: 'test' } };
}

export function question(text: string): NewEvent {
  return newEvent('comm.user_message', { role: 'user', content: text });
}

export function answer(text: string): NewEvent {
  return newEvent('comm.assistant_message', { role: 'assistant', content: text });
}

export function keyOf(key: string, terms: Partial<IdempotencyKey> = {}): IdempotencyKey {
  return { scope: 'caller', key, fingerprint: 'the request', ttlMs: 3_600_000, ...terms };
}

/** A contact's threads are told apart by their times, which the embedded store has in milliseconds. */
export async function untilClockTicks(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await setImmediate();
}

/** The events of a thread, of all or those after one. */
export async function eventsOf(
  store: Store,
  threadId: string,
  after?: EventPosition,
): Promise<readonly ThreadEvent[]> {
  const { events } = await store.readTail(threadId, { maxBytes: 2 ** 30, ...(after && { after }) });
  return events;
}

export async function threadsOf(
  store: Store,
  query: ThreadQuery,
): Promise<readonly ThreadOverview[]> {
  return (await store.listThreads(query)).threads;
}

/** What was said in a thread, in order. */
export async function conversation(store: Store, threadId: string): Promise<readonly string[]> {
  return texts(await eventsOf(store, threadId));
}

export function texts(events: readonly ThreadEvent[]): readonly string[] {
  return events
    .filter((event) => event.type.startsWith('comm.'))
    .map((event) => String(event.data['content']));
}
