import type { ChatMessage, JimsApiError } from 'jims-client';

/** The events of `<jims-chat>`. */
export interface JimsChatEventMap {
  /** The chat has a thread, or another one: its id. */
  'jims-thread': CustomEvent<string>;
  /** A run answers: its id. */
  'jims-run': CustomEvent<string>;
  /** An action failed. The person sees it, too. */
  'jims-error': CustomEvent<JimsApiError>;
  /** A message was chosen. Messages can be chosen only where somebody listens to this. */
  'jims-message-select': CustomEvent<ChatMessage>;
}
