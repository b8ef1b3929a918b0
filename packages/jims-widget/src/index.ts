import type { ChatMessage, JimsApiError } from 'jims-client';

import type { JimsChatElement } from './element/chat-element.ts';
import './widget.ts';

export { JimsChatElement } from './element/chat-element.ts';
export type { Token } from './element/chat-session.ts';
export type { ChatTexts, PartialTexts } from './texts.ts';
export type { MessageAction } from './view/chat-context.ts';

/** The events of `<jims-chat>`. */
export interface JimsChatEventMap {
  /** The chat has a thread, or another one: its id. */
  'jims-thread': CustomEvent<string>;
  /** A run answers: its id. */
  'jims-run': CustomEvent<string>;
  'jims-error': CustomEvent<JimsApiError>;
  /** A message was chosen. Messages can be chosen only where somebody listens to this. */
  'jims-message-select': CustomEvent<ChatMessage>;
}

declare global {
  interface HTMLElementTagNameMap {
    'jims-chat': JimsChatElement;
  }
  // oxlint-disable-next-line typescript/no-empty-interface
  interface HTMLElementEventMap extends JimsChatEventMap {}
}
