// What an app is written with.
export { JimsApp, defineApp, isJimsApp } from './app/app.ts';
export type { JimsAppOptions, OpenOptions } from './app/options.ts';
export type { AnswerRequest, AppQuestions } from './app/questions.ts';
export { DEFAULT_FILE_LIMITS, MAX_MESSAGE_FILES } from './files/file-limits.ts';
export type { FileLimits } from './files/file-limits.ts';
export type { AppFiles, FileUpload } from './app/files.ts';
export type { RunTrace } from './app/run-trace.ts';
export type { AppRuns, MessageRequest } from './app/runs.ts';
export type { ThreadController } from './app/thread-controller.ts';
export type { ThreadFeedOptions } from './app/thread-feed.ts';
export type { AppThreads, RecentEvents } from './app/threads.ts';
export { JimsError, isJimsError } from './errors/jims-error.ts';
export type { JimsErrorCode } from './errors/jims-error.ts';
export type { ContextFiles, NewFile, ThreadFile } from './pipeline/context-files.ts';
export type {
  ForeignPart,
  MessageOptions,
  MessagePart,
  MessagePieces,
  ToolNews,
} from './pipeline/message-part.ts';
export type { Pipeline } from './pipeline/pipeline.ts';
export type {
  AskOptions,
  Button,
  ContactAnswer,
  NoAnswer,
  ServiceAnswer,
  ServiceQuestion,
} from './pipeline/question.ts';
export { StepFailed, isStepFailed } from './pipeline/step.ts';
export type { StepNews, StepOptions, StepRetry, StepScope } from './pipeline/step.ts';
export type { AgentStatus, ThreadContext } from './pipeline/thread-context.ts';
export type { ListenOptions, RunEvents } from './run/event-log.ts';
export { isRunEnd } from './run/run-events.ts';
export type {
  CancelReason,
  NumberedRunEvent,
  RunEnd,
  RunEvent,
  RunPosition,
  RunResult,
} from './run/run-events.ts';
export { DEFAULT_RUN_LIMITS } from './run/run-limits.ts';
export type { RunLimits } from './run/run-limits.ts';
export type { FailedRun, Run, RunRequest } from './run/run.ts';
export { openFileStore } from './store/open-file-store.ts';
export { DEFAULT_STORE_URL, openStore } from './store/open-store.ts';
export type { OpenStoreOptions } from './store/open-store.ts';
export type {
  AcceptRequest,
  AcceptResult,
  AcceptedRun,
  AnswerRule,
  AppendOptions,
  Audience,
  ChainRecord,
  ChainRun,
  ChainStore,
  DeliveryOutcome,
  EntryOutcome,
  EventList,
  EventPage,
  EventPosition,
  Feedback,
  FeedbackList,
  FeedbackQuery,
  FeedbackRecord,
  FileContent,
  FileList,
  FileQuery,
  FileRange,
  FileRecord,
  FileRecords,
  FileStore,
  FinishResult,
  FreshEvents,
  IdempotencyKey,
  InstanceInfo,
  InstanceStore,
  JournalEntry,
  KeptRun,
  LogTail,
  NewFileRecord,
  NewQuestion,
  NewSubscription,
  OnBusy,
  OutboxStore,
  PolledRun,
  PurgeLimits,
  PurgeResult,
  QuestionList,
  QuestionQuery,
  QuestionRecord,
  ReadBounds,
  ReapRequest,
  ReapResult,
  RecoveredRun,
  RetryRequest,
  RetryResult,
  RunChain,
  RunErrorRecord,
  RunList,
  RunNews,
  RunOutcomeRecord,
  RunOwnProgress,
  RunOwner,
  RunPage,
  RunProgress,
  RunRecord,
  RunStatus,
  RunStore,
  RunSummary,
  RunThread,
  SeenRun,
  StandingWork,
  StartedRun,
  Store,
  SubscribeResult,
  SubscriptionKey,
  SubscriptionOwner,
  SubscriptionRecord,
  TailQuery,
  TakeRequest,
  TakenDelivery,
  ThreadList,
  ThreadQuery,
  ThreadRun,
  ThreadRunList,
  ThreadStore,
  Withdrawn,
} from './store/store.ts';
export type { Logger } from './telemetry/logger.ts';
export type {
  EndEntry,
  EventEntry,
  KeptTrace,
  MessageEntry,
  ModelEntry,
  PipelineEntry,
  QuestionEntry,
  QueueEntry,
  ReasoningEntry,
  SourcePosition,
  StatusEntry,
  StepEntry,
  ThrownError,
  ToolEntry,
  TraceEntry,
  TraceError,
  TracedAnswer,
  TracedMessage,
  TracedMessagePart,
  TracedRequest,
  TracedStates,
  TracedTokens,
} from './telemetry/trace.ts';
export type { Metrics } from './telemetry/metrics.ts';
export { eventDomain, eventName, isInternalEvent, newEvent } from './thread/event.ts';
export type { CommunicationEvent, JsonObject, NewEvent, ThreadEvent } from './thread/event.ts';
export type { Principal } from './thread/principal.ts';
export type { NewThread, Thread, ThreadOverview } from './thread/thread.ts';
export type { MessageFile, MessageSource } from './thread/message.ts';
export { newId } from './thread/new-id.ts';
