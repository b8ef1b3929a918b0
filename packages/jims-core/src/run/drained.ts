/**
 * Calls a function when everything is done that can be done at once: all promise callbacks, and those that they
 * lead to. `setImmediate` would wait for a turn of the event loop, which is long in a busy process.
 */
export function whenDrained(then: () => void): void {
  // A tick that a promise callback asks for comes after the last promise callback.
  void Promise.resolve().then(() => process.nextTick(then));
}
