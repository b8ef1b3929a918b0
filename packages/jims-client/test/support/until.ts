import type { Chat, ChatSnapshot } from '../../src/index.ts';

/** Waits for a snapshot that fits. */
export function until(
  chat: Chat,
  fits: (snapshot: ChatSnapshot) => boolean,
  ms = 60_000,
): Promise<ChatSnapshot> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      leave();
      reject(new Error(`It did not come to that: ${JSON.stringify(chat.getSnapshot(), null, 1)}`));
    }, ms);
    const look = (): void => {
      const snapshot = chat.getSnapshot();
      if (!fits(snapshot)) return;
      clearTimeout(timer);
      leave();
      resolve(snapshot);
    };
    const leave = chat.subscribe(look);
    look();
  });
}

/** Nothing is going on, and everything is stored. */
export function isSettled({ status, messages }: ChatSnapshot): boolean {
  return status === 'ready' && messages.every(({ createdAt }) => createdAt !== undefined);
}

export function textsOf({ messages }: ChatSnapshot): string[] {
  return messages.map(({ role, text }) => `${role}: ${text}`);
}
