import { useMemo, useState, useSyncExternalStore } from 'react';

import type { Chat, ChatSnapshot, JimsClient, OpenChatOptions } from './index.ts';

/** Which chat a component shows. */
export interface UseJimsChatOptions extends OpenChatOptions {
  /** Made once, outside of the component. */
  readonly client: JimsClient;
}

/** The chat as it is now, and what can be done with it. */
export type JimsChat = ChatSnapshot & Omit<Chat, 'subscribe' | 'getSnapshot' | 'close'>;

interface OpenedChat {
  readonly chat: Chat;
  readonly first: ChatSnapshot;
  readonly options: UseJimsChatOptions;
}

/**
 * A live chat in a component. Another `client`, `contactId` or `threadId` is another chat; without a
 * `threadId` a new one begins, which may get its id later. It is connected while the component is
 * mounted. On a server it is an empty chat.
 *
 * @example
 * const { messages, status, send, stop } = useJimsChat({ client, threadId });
 */
export function useJimsChat(options: UseJimsChatOptions): JimsChat {
  const [state, setState] = useState(() => open(options));
  let opened = state;
  if (!isSame(opened.options, options)) {
    const { threadId } = opened.chat.getSnapshot();
    // The chat has got this id itself, or the caller wants another one.
    opened = isSame({ ...opened.options, threadId }, options)
      ? { ...opened, options }
      : open(options);
    setState(opened);
  }
  const { chat, first } = opened;
  const snapshot = useSyncExternalStore(chat.subscribe, chat.getSnapshot, () => first);
  return useMemo(() => {
    const { send, stop, click, answer, retry, edit, discard, loadOlder, giveFeedback } = chat;
    const actions = { send, stop, click, answer, retry, edit, discard, loadOlder, giveFeedback };
    return { ...snapshot, ...actions };
  }, [chat, snapshot]);
}

/** Nothing is sent before somebody subscribes, or sends: a render may be thrown away. */
function open(options: UseJimsChatOptions): OpenedChat {
  const { client, ...rest } = options;
  const chat = client.openChat(rest);
  return { chat, first: chat.getSnapshot(), options };
}

function isSame(a: UseJimsChatOptions, b: UseJimsChatOptions): boolean {
  return a.client === b.client && a.contactId === b.contactId && a.threadId === b.threadId;
}
