// A store that is written by hand needs the exported types and no others. Nothing here runs: `npm run
// check` compiles it.
import type {
  AcceptRequest,
  AcceptResult,
  AppendOptions,
  EventList,
  EventPage,
  FinishResult,
  IdempotencyKey,
  JsonObject,
  LogTail,
  NewEvent,
  NewThread,
  PolledRun,
  PurgeLimits,
  PurgeResult,
  ReapResult,
  RunNews,
  RunOutcomeRecord,
  RunOwnProgress,
  RunOwner,
  RunRecord,
  RunStatus,
  SeenRun,
  Store,
  TailQuery,
  Thread,
  ThreadEvent,
  ThreadList,
  ThreadQuery,
} from 'jims-core';
import { defineApp } from 'jims-core';

type Answer<T> = () => Promise<T>;

export interface StoreByHand {
  readonly description: string;
  readonly notice: string | undefined;
  readonly shared: boolean;
  ping: Answer<void>;
  close: Answer<void>;
  [Symbol.asyncDispose]: Answer<void>;
  purge(limits: PurgeLimits): Promise<PurgeResult>;

  openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }>;
  thread(threadId: string): Promise<Thread | undefined>;
  threadByExternalId(contactId: string, externalId: string): Promise<Thread | undefined>;
  latestThread(contactId: string): Promise<Thread | undefined>;
  listThreads(query: ThreadQuery): Promise<ThreadList>;
  updateThreadConfig(threadId: string, config: JsonObject): Promise<Thread | undefined>;
  deleteThreads(which: { threadId: string } | { contactId: string }): Promise<readonly string[]>;
  appendEvents(
    threadId: string,
    events: readonly NewEvent[],
    options?: AppendOptions,
  ): Promise<readonly ThreadEvent[]>;
  readTail(threadId: string, tail: TailQuery): Promise<LogTail>;
  pageEvents(threadId: string, page: EventPage): Promise<EventList>;
  watchThread(threadId: string, wake: () => void): () => void;

  acceptRun(request: AcceptRequest): Promise<AcceptResult>;
  appendInRun(
    run: RunOwner,
    events: readonly NewEvent[],
  ): Promise<readonly ThreadEvent[] | 'fenced'>;
  finishRun(run: RunOwner, outcome: RunOutcomeRecord): Promise<FinishResult>;
  run(runId: string): Promise<RunRecord | undefined>;
  runIdByKey(key: Pick<IdempotencyKey, 'scope' | 'key'>): Promise<string | undefined>;
  activeRun(threadId: string): Promise<string | undefined>;
  requestCancel(runId: string): Promise<RunStatus | undefined>;
  pollRuns(instanceId: string, runIds: readonly string[]): Promise<readonly PolledRun[]>;
  appendProgress(news: readonly RunOwnProgress[]): Promise<void>;
  readProgress(seen: readonly SeenRun[]): Promise<readonly RunNews[]>;

  renewLease(instanceId: string, leaseMs: number): Promise<void>;
  endLease(instanceId: string): Promise<void>;
  reapRuns(): Promise<ReapResult>;
  listen(instanceId: string, wake: () => void): Promise<void>;
}

export function serveFrom(byHand: StoreByHand): void {
  const store: Store = byHand;
  defineApp({ pipeline: (ctx) => ctx.sendMessage('Hello'), store });
  // @ts-expect-error a store has all members
  defineApp({ pipeline: () => {}, store: { ping: async () => {} } });
}
