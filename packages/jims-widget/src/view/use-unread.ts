import type { Chat } from 'jims-client';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Whether the app has said something since the panel was closed. */
export function useUnread(chat: Chat | undefined, isOpen: boolean): boolean {
  const [hasUnread, setUnread] = useState(false);
  const seen = useRef<string>(undefined);
  useLayoutEffect(() => {
    setUnread(false);
    seen.current = lastAnswer(chat);
    if (!chat || isOpen) return undefined;
    return chat.subscribe(() => setUnread(lastAnswer(chat) !== seen.current));
  }, [chat, isOpen]);
  return hasUnread;
}

function lastAnswer(chat: Chat | undefined): string | undefined {
  return chat
    ?.getSnapshot()
    .messages.findLast(({ role, state }) => role === 'assistant' && state !== 'growing')?.key;
}
