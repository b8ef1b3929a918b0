// In a file of its own: the types of the package must not need those of Preact.
import type { ChatMessage } from 'jims-client';

/** A button of the host below each message that it is for. */
export interface MessageAction {
  readonly label: string;
  /** For all messages when left out. */
  readonly isFor?: (message: ChatMessage) => boolean;
  readonly act: (message: ChatMessage) => void;
}
