import type { Llm } from '../llm/llm.ts';
import type { RunEngine } from '../run/engine.ts';
import type { Store } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What an open app works with. */
export interface Opened {
  readonly store: Store;
  readonly engine: RunEngine;
  readonly logger: Logger;
}

/** The app as its parts see it: opened on first use. */
export interface OpenApp {
  /** @throws JimsError as `JimsApp.open`. */
  opened(): Promise<Opened>;
  /** Aborts when the app is closed. */
  readonly closed: AbortSignal;
  readonly llm: () => Llm;
}
