import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';

import type { Chat, ChatSnapshot, JimsClient, OpenChatOptions } from './index.ts';

/** Which chat a component shows. */
export interface UseJimsChatOptions extends OpenChatOptions {
  readonly client: JimsClient;
  /** Called when a thread begins, or goes on in a copy: for the address of the page. */
  readonly onThread?: (threadId: string) => void;
}

/** What a component gets: the snapshot, and what can be done. */
export type JimsChat = ChatSnapshot & Omit<Chat, 'subscribe' | 'getSnapshot' | 'close'>;
