import type { BrokenCode } from './code-news.ts';
import { brokenCodeOf, loadedCodeOf } from './code-news.ts';
import type { Service } from './service.ts';
import { Store } from './store.ts';

export interface CodeSnapshot {
  /** Why the newest code does not load; the last good one is in service. */
  readonly broken: BrokenCode | undefined;
  /** How often new code came while the page was open. */
  readonly loads: number;
  /** How long the last load took, in milliseconds. */
  readonly loadedMs: number | undefined;
}

const RETRY_MS = 2000;

/** What happens to the app's code. On a server that is not for development nothing does. */
export class CodeWatch extends Store<CodeSnapshot> {
  readonly #closing = new AbortController();
  #isFirst = true;

  constructor(service: Service) {
    super({ broken: undefined, loads: 0, loadedMs: undefined });
    void this.#follow(service);
  }

  close(): void {
    this.#closing.abort();
  }

  async #follow(service: Service): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const { event, data } of service.codeNews(signal)) {
          this.#take(event, JSON.parse(data));
        }
      } catch {
        // The server starts anew after some changes, such as of .env.
      }
      await new Promise((resolve) => {
        setTimeout(resolve, RETRY_MS);
      });
    }
  }

  #take(event: string, data: unknown): void {
    if (event === 'broken') this.update({ broken: brokenCodeOf(data) });
    if (event === 'loaded') {
      const { loads } = this.getSnapshot();
      // The first one says what is in service already.
      this.update({
        broken: undefined,
        loads: this.#isFirst ? loads : loads + 1,
        loadedMs: loadedCodeOf(data),
      });
    }
    this.#isFirst = false;
  }
}
