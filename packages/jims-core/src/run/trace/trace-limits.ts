/** How much is kept of what happens in runs. Sizes are characters of text and JSON. */
export const TRACE_LIMITS = {
  /** The runs whose traces are kept, the last ones: each of their attempts counts. */
  runs: 200,
  /** Of all traces in memory. */
  size: 32 * 1024 * 1024,
  /** Of all traces in a file. */
  fileSize: 256 * 1024 * 1024,
  /** Of the entries of one attempt; of its states and its error as much again. */
  runSize: 1024 * 1024,
  entries: 1000,
  /** Of a message, a status and the like, and of one value such as the result of a step. */
  text: 20_000,
  /** Of one request to a model. */
  request: 200_000,
  /** Of the states of a thread before, or after, a run. */
  states: 200_000,
} as const;
