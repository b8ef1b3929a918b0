import { AsyncLocalStorage } from 'node:async_hooks';

import type { JsonObject } from '../thread/event.ts';

/** What a call and the HTTP request that a provider's package makes for it know of each other. */
export interface Exchange {
  /** Whether the call wants its answer piece by piece. */
  readonly streamed: boolean;
  /** To be called whenever bytes arrive, even those of a comment that keeps the connection open. */
  readonly alive: () => void;
  /** What belongs to messages on the wire, by the id of their first call: a package may leave it out. */
  readonly thoughts: ReadonlyMap<string, JsonObject>;
  /** Whether the answer ended with `[DONE]`, the last line of OpenAI's streams. */
  done: boolean;
}

/** The exchange of the call under way: packages of providers have no parameter to pass it on. */
export const exchanges: AsyncLocalStorage<Exchange> = new AsyncLocalStorage<Exchange>();
