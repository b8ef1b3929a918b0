/** How the code of an app that is being developed is doing. */
export type CodeState = LoadedCode | BrokenCode;

/** Code is in service. */
export interface LoadedCode {
  readonly type: 'loaded';
  /** Counts the versions that were loaded, from 1. */
  readonly generation: number;
  /** How long it took to load. */
  readonly ms: number;
}

/** The newest code cannot be loaded: the last one that could is in service, if there is one. */
export interface BrokenCode {
  readonly type: 'broken';
  /** The version in service; 0: none, as nothing could be loaded yet. */
  readonly generation: number;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  /** The lines around the position. */
  readonly excerpt: readonly { readonly line: number; readonly text: string }[];
}

/** Tells everybody who follows it how the code is doing. */
export class CodeFeed {
  #state: CodeState | undefined;
  #changed = Promise.withResolvers<void>();
  #isOver = false;

  /** `undefined` before the first load has ended. */
  get state(): CodeState | undefined {
    return this.#state;
  }

  set(state: CodeState): void {
    this.#state = state;
    this.#notify();
  }

  /** Ends all that follow. */
  end(): void {
    this.#isOver = true;
    this.#notify();
  }

  /** Gives the state of now, and then each new one; a slow reader gets the newest of those that it missed. */
  async *follow(signal: AbortSignal): AsyncGenerator<CodeState> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => aborted.resolve(), { once: true });
    for (let seen: CodeState | undefined; !signal.aborted;) {
      const { promise } = this.#changed;
      if (this.#state && this.#state !== seen) {
        seen = this.#state;
        yield seen;
      } else if (this.#isOver) {
        return;
      } else {
        await Promise.race([promise, aborted.promise]);
      }
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
