/** How long a replay waits for a pipeline that is busy with something else than its context. */
const PATIENCE_MS = 10_000;

/** A wait for a pipeline that may come to nothing. */
export class Patience {
  #timer: NodeJS.Timeout | undefined;

  /** Begins to wait, unless it waits already. */
  begin(onOver: () => void): void {
    this.#timer ??= setTimeout(onOver, PATIENCE_MS).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
