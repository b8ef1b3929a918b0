import type { Chat, ChatFile, ChatMessage, TakenBack } from 'jims-client';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

import { ENGLISH } from '../texts.ts';
import type { ChatTexts } from '../texts.ts';
import type { MessageAction } from './message-action.ts';

/** What the parts of a chat may need. */
export interface ChatSurroundings {
  readonly chat: Chat;
  readonly readFile: (file: ChatFile) => Promise<Blob>;
  readonly actions: readonly MessageAction[];
  /** Set when the host wants to know which message was chosen. */
  readonly onSelect: ((message: ChatMessage) => void) | undefined;
  readonly selectedMessageId: string | undefined;
  /** For times; the browser's own when `undefined`. */
  readonly locale: string | undefined;
}

const Surroundings = createContext<ChatSurroundings | undefined>(undefined);
const Texts = createContext(ENGLISH);
/** Puts what was taken back into the field for messages. */
const WriteAgain = createContext((_taken: TakenBack | undefined): void => {});

export const ProvideChat = Surroundings.Provider;
export const ProvideTexts = Texts.Provider;
export const ProvideWriteAgain = WriteAgain.Provider;

export function useChat(): ChatSurroundings {
  const surroundings = useContext(Surroundings);
  if (!surroundings) throw new Error('This part of the view is outside of a chat');
  return surroundings;
}

export function useTexts(): ChatTexts {
  return useContext(Texts);
}

export function useWriteAgain(): (taken: TakenBack | undefined) => void {
  return useContext(WriteAgain);
}
