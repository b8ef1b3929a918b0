export type { Chat, OpenChatOptions, SendOptions, TakenBack } from './chat.ts';
export type {
  ChatButton,
  ChatFeedback,
  ChatFile,
  ChatMessage,
  ChatQuestion,
  ChatRun,
  ChatSnapshot,
  ChatSource,
  ChatWork,
} from './chat-snapshot.ts';
export { JimsClient } from './client.ts';
export type { StreamOptions } from './client.ts';
export { JimsApiError } from './errors.ts';
export type { MessageOptions } from './message-options.ts';
export type { FileAddress, JimsFiles, JimsRuns } from './resources.ts';
export { CHAT_INCLUDES } from './run-stream.ts';
export type { SseMessage } from './sse-messages.ts';
export type {
  EventListOptions,
  ForkOptions,
  JimsThreads,
  NewThreadOptions,
  PageOptions,
  ThreadExport,
  ThreadListOptions,
} from './threads.ts';
export type { CallOptions, Fetch, JimsClientOptions } from './transport.ts';
export type { UploadOptions } from './upload.ts';
export type {
  AskedQuestion,
  ChatAnswer,
  ChatRequest,
  EventPage,
  FeedbackPage,
  Include,
  JsonObject,
  MessageFeedback,
  MessageFile,
  MessageSource,
  ModelUsage,
  Run,
  RunPage,
  RunSummary,
  SaidInRun,
  StoredFile,
  StreamData,
  StreamEvent,
  Thread,
  ThreadEvent,
  ThreadPage,
  Work,
} from './wire.ts';
export type {
  EntryOf,
  ModelAnswer,
  ModelCall,
  ModelMessage,
  ModelPart,
  ModelRequest,
  SourcePosition,
  Trace,
  TraceEntry,
  TraceError,
} from './wire-trace.ts';
