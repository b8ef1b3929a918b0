/**
 * A promise that knows whether somebody waits for it. A failure that nobody waits for must end the run,
 * and one that the pipeline has caught must not. It is never an unhandled rejection of the process.
 */
export class ObservedPromise<T> extends Promise<T> {
  #isObserved = false;

  /** What `then` gives is a plain promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /**
   * The same promise, observed. `onFailure` gets an error before those who wait do; the stack of its call
   * leads to them.
   */
  static of<T>(promise: Promise<T>, onFailure: (error: unknown) => void): ObservedPromise<T> {
    const observed = new ObservedPromise<T>((resolve, reject) => {
      promise.then(resolve, (error: unknown) => {
        // V8 finds those who wait by way of `resolve`, which is never called.
        failing(onFailure, error).then(resolve, () => {
          if (!observed.#isObserved)
            void Promise.prototype.then.call(observed, undefined, () => {});
          reject(error);
        });
      });
    });
    return observed;
  }

  get isObserved(): boolean {
    return this.#isObserved;
  }

  /** `await` calls it, too, as this is not a plain promise. */
  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  override then<TResult1 = T, TResult2 = never>(
    onFulfilled?: ((value: T) => TResult1 | PromiseLike<TResult1>) | null,
    onRejected?: ((reason: unknown) => TResult2 | PromiseLike<TResult2>) | null,
  ): Promise<TResult1 | TResult2> {
    this.#isObserved = true;
    return super.then(onFulfilled, onRejected);
  }
}

async function failing(onFailure: (error: unknown) => void, error: unknown): Promise<never> {
  await Promise.resolve();
  onFailure(error);
  throw error;
}
