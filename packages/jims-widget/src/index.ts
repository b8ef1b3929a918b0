// Importing it defines <jims-chat>.
export type { JimsChatEventMap } from './element/chat-events.ts';
export type { Token } from './element/chat-session.ts';
export type { ChatTexts, PartialTexts } from './texts.ts';
export type { MessageAction } from './view/message-action.ts';
export { JimsChatElement } from './widget.ts';
