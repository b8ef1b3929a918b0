import { AsyncLocalStorage } from 'node:async_hooks';

/** What a call and the HTTP request that a provider's package makes for it know of each other. */
export interface Exchange {
  /** Whether the call wants its answer piece by piece. */
  readonly streamed: boolean;
  /** To be called whenever bytes arrive, even those of a comment that keeps the connection open. */
  readonly alive: () => void;
  /** Whether the answer ended with `[DONE]`, the last line of OpenAI's streams. */
  done: boolean;
}

/** The exchange of the call under way: packages of providers have no parameter to pass it on. */
export const exchanges = new AsyncLocalStorage<Exchange>();
