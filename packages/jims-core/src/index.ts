export { JimsApp, defineApp, isJimsApp } from './app/app.ts';
export type { JimsAppOptions } from './app/app.ts';
export { cleanJson } from './util/clean-text.ts';
export { JimsError, describeError, isJimsError, plainError } from './errors/jims-error.ts';
export type { JimsErrorCode } from './errors/jims-error.ts';
export { createLlmProvider } from './llm/llm-provider.ts';
export type { AnswerStream } from './llm/answer-stream.ts';
export type { CallOptions } from './llm/call.ts';
export type { ChatOptions } from './llm/chat-request.ts';
export type { ContentPart } from './llm/content-parts.ts';
export type { FinishReason } from './llm/finish-reason.ts';
export type { AnswerSchema } from './llm/json-schema.ts';
export type {
  Llm,
  LlmProvider,
  LlmRun,
  StructuredOptions,
  ToolsAnswer,
  ToolsOptions,
} from './llm/llm.ts';
export type { AssistantMessage, ChatMessage, ChatMessages, ToolCall } from './llm/messages.ts';
export type { ProviderData } from './llm/provider-data.ts';
export type { RankedDocument, RerankOptions } from './llm/rerank.ts';
export type { ChatModel, CompatibleServer, EmbeddingsModel, LlmSettings } from './llm/settings.ts';
export type { Tool, ToolChoice } from './llm/tools.ts';
export { readUsage } from './llm/usage.ts';
export type { CallUsage, ModelUsage } from './llm/usage.ts';
export type { Logger } from './telemetry/logger.ts';
export { newId } from './util/new-id.ts';
export { openByDefault } from './app/open-options.ts';
export type { OpenOptions } from './app/open-options.ts';
export { pipelineName } from './pipeline/pipeline.ts';
export type { Pipeline } from './pipeline/pipeline.ts';
export { failCurrentRun } from './run/live-run.ts';
export type { Principal } from './thread/principal.ts';
export { createCallerShares, defaultShare } from './run/caller-shares.ts';
export type { CallerShares } from './run/caller-shares.ts';
export { isRunEnd } from './run/run-events.ts';
export type {
  CancelReason,
  NumberedRunEvent,
  RunEnd,
  RunEvent,
  RunPosition,
  RunResult,
} from './run/run-events.ts';
export type { ListenOptions } from './run/run-stream.ts';
export { DEFAULT_RUN_LIMITS } from './run/run.ts';
export type { FailedRun, Run, RunLimits, RunRequest } from './run/run.ts';
export { DEFAULT_STORE_URL, openStore } from './store/open-store.ts';
export type {
  AppendOptions,
  EventList,
  EventPage,
  EventPosition,
  OnBusy,
  ReadBounds,
  RunRecord,
  RunStatus,
  RunThread,
  Store,
  ThreadList,
  ThreadQuery,
} from './store/store.ts';
export { MAX_PIECE_CHARS, textPieces } from './util/text-pieces.ts';
export type { Metrics } from './telemetry/metrics.ts';
export { onTracingFault, withCallersTrace } from './telemetry/tracing.ts';
export type { TraceIds } from './telemetry/tracing.ts';
export { eventDomain, eventName, isInternalEvent, newEvent } from './thread/event.ts';
export type { CommunicationEvent, JsonObject, NewEvent, ThreadEvent } from './thread/event.ts';
export { ThreadContext } from './pipeline/thread-context.ts';
export type { AgentStatus, Button } from './pipeline/thread-context.ts';
export type { ThreadController } from './app/thread-controller.ts';
export type { ThreadFeedOptions } from './app/thread-feed.ts';
export { supersededBy } from './thread/thread.ts';
export type { AppRuns, MessageRequest } from './app/runs.ts';
export type { AppThreads, RecentEvents } from './app/threads.ts';
export type { NewThread, Thread } from './thread/thread.ts';
