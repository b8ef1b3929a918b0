/** A wait for a pipeline that may come to nothing. */
export class Patience {
  #timer: NodeJS.Timeout | undefined;

  /** Begins to wait, unless it waits already. */
  begin(ms: number, onOver: () => void): void {
    this.#timer ??= setTimeout(onOver, ms).unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
