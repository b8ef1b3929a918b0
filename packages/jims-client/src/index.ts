export type { Chat, SendOptions } from './chat.ts';
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
export { JimsApiError } from './errors.ts';
