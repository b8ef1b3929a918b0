// A store that is written by hand needs the exported types and no others. Nothing here runs: `npm run
// check` compiles it.
import type {
  AcceptRequest,
  AcceptResult,
  AppendOptions,
  ChainRecord,
  DeliveryOutcome,
  EventList,
  EventPage,
  EventPosition,
  Feedback,
  FeedbackList,
  FeedbackQuery,
  FileContent,
  FileList,
  FileQuery,
  FileRecord,
  FileStore,
  FinishResult,
  IdempotencyKey,
  InstanceInfo,
  JournalEntry,
  JsonObject,
  LogTail,
  NewEvent,
  NewFileRecord,
  NewSubscription,
  NewThread,
  PolledRun,
  PurgeLimits,
  PurgeResult,
  QuestionList,
  QuestionQuery,
  QuestionRecord,
  ReapRequest,
  ReapResult,
  RetryRequest,
  RetryResult,
  RunList,
  RunNews,
  RunOutcomeRecord,
  RunOwnProgress,
  RunOwner,
  RunPage,
  RunRecord,
  RunStatus,
  SeenRun,
  StandingWork,
  Store,
  SubscribeResult,
  SubscriptionKey,
  SubscriptionOwner,
  SubscriptionRecord,
  TailQuery,
  TakeRequest,
  TakenDelivery,
  Thread,
  ThreadEvent,
  ThreadList,
  ThreadOverview,
  ThreadQuery,
  ThreadRunList,
} from 'jims-core';
import { defineApp } from 'jims-core';

type Answer<T> = () => Promise<T>;

export interface StoreByHand {
  readonly description: string;
  readonly notice: string | undefined;
  readonly shared: boolean;
  readonly fileStore: FileStore;
  ping: Answer<void>;
  close: Answer<void>;
  [Symbol.asyncDispose]: Answer<void>;
  purge(limits: PurgeLimits): Promise<PurgeResult>;

  openThread(spec: NewThread): Promise<{ thread: Thread; created: boolean }>;
  thread(threadId: string): Promise<Thread | undefined>;
  threadByExternalId(contactId: string, externalId: string): Promise<Thread | undefined>;
  latestThread(contactId: string): Promise<Thread | undefined>;
  listThreads(query: ThreadQuery): Promise<ThreadList>;
  threadOverview(threadId: string): Promise<ThreadOverview | undefined>;
  setFeedback(
    threadId: string,
    messageId: string,
    feedback: Feedback | undefined,
  ): Promise<'changed' | 'unchanged'>;
  listFeedback(query: FeedbackQuery): Promise<FeedbackList>;
  indexMessages: Answer<boolean>;
  updateThreadConfig(threadId: string, config: JsonObject): Promise<Thread | undefined>;
  mergeThreadConfig(
    threadId: string,
    members: JsonObject,
    within?: string,
  ): Promise<Thread | undefined>;
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
  listRuns(threadId: string, page: RunPage): Promise<RunList>;
  listRunsOf(threadIds: readonly string[], before?: EventPosition): Promise<ThreadRunList>;
  runsOfEvents(
    threadId: string,
    events: readonly EventPosition[],
  ): Promise<ReadonlyMap<string, string>>;
  runIdByKey(key: Pick<IdempotencyKey, 'scope' | 'key'>): Promise<string | undefined>;
  activeRun(threadId: string): Promise<string | undefined>;
  requestCancel(runId: string): Promise<RunStatus | undefined>;
  pollRuns(instanceId: string, runIds: readonly string[]): Promise<readonly PolledRun[]>;
  appendProgress(news: readonly RunOwnProgress[]): Promise<void>;
  readProgress(seen: readonly SeenRun[]): Promise<readonly RunNews[]>;

  storeEntries(run: RunOwner, entries: readonly JournalEntry[]): Promise<'stored' | 'fenced'>;
  loadChain(chainId: string): Promise<ChainRecord | undefined>;
  releaseRun(run: RunOwner): Promise<'released' | 'fenced'>;
  durableRunsOf(instanceId: string): Promise<readonly RunOwner[]>;
  retryRun(request: RetryRequest): Promise<RetryResult>;
  question(questionId: string): Promise<QuestionRecord | undefined>;
  listQuestions(query: QuestionQuery): Promise<QuestionList>;
  standing(): Promise<StandingWork>;

  beginFile(
    file: NewFileRecord,
    limits: { readonly maxContactBytes: number },
  ): Promise<'begun' | 'too_many_bytes'>;
  completeFile(fileId: string, content: FileContent): Promise<FileRecord | undefined>;
  files(fileIds: readonly string[]): Promise<readonly FileRecord[]>;
  listFiles(query: FileQuery): Promise<FileList>;
  dropFiles(fileIds: readonly string[]): Promise<void>;
  filesToErase(options: {
    readonly unnamedMs: number;
    readonly limit: number;
  }): Promise<readonly string[]>;
  forgetFiles(fileIds: readonly string[]): Promise<void>;

  subscribe(subscription: NewSubscription): Promise<SubscribeResult>;
  subscriptions(of: SubscriptionOwner): Promise<readonly SubscriptionRecord[]>;
  unsubscribe(subscription: SubscriptionKey): Promise<void>;
  takeDeliveries(request: TakeRequest): Promise<readonly TakenDelivery[]>;
  endDelivery(
    taken: Pick<TakenDelivery, 'deliveryId' | 'claim'>,
    outcome: DeliveryOutcome,
  ): Promise<'stored' | 'fenced'>;

  renewLease(instanceId: string, leaseMs: number, about?: InstanceInfo): Promise<void>;
  endLease(instanceId: string): Promise<void>;
  reapRuns(request?: ReapRequest): Promise<ReapResult>;
  listen(instanceId: string, wake: () => void): Promise<void>;
}

export function serveFrom(byHand: StoreByHand): void {
  const store: Store = byHand;
  defineApp({ pipeline: (ctx) => ctx.sendMessage('Hello'), store });
  // @ts-expect-error a store has all members
  defineApp({ pipeline: () => {}, store: { ping: async () => {} } });
}
