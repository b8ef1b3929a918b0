import { AsyncLocalStorage } from 'node:async_hooks';

import type { JsonObject } from '../../thread/event.ts';

/** What a call shares with the HTTP request that a provider's package sends for it. */
export interface Exchange {
  /** Whether the call wants its answer piece by piece. */
  readonly streamed: boolean;
  /** Called whenever bytes arrive, those of a comment that keeps the connection open included. */
  readonly alive: () => void;
  /** Members of messages that a package may leave out, by the id of the message's first tool call. */
  readonly thoughts: ReadonlyMap<string, JsonObject>;
  /** Set when the answer ended with `[DONE]`, the last line of OpenAI's streams. */
  done: boolean;
}

/** The exchange of the current call. Providers' packages have no parameter that could carry it. */
export const exchanges: AsyncLocalStorage<Exchange> = new AsyncLocalStorage<Exchange>();
