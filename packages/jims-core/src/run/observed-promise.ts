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

  /** The same promise, observed. */
  static of<T>(promise: Promise<T>): ObservedPromise<T> {
    const observed = new ObservedPromise<T>((resolve, reject) => {
      promise.then(resolve, reject);
    });
    void Promise.prototype.then.call(observed, undefined, () => {});
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
