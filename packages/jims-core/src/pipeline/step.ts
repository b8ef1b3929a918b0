/** What the work of a step gets. */
export interface StepScope {
  /** Aborts when the run is stopped, or the step takes too long: pass it to whatever waits. */
  readonly signal: AbortSignal;
  /**
   * Names this piece of work, the same at each try and in each process: `<chain>/<name>/<n>`, in a conversation
   * start `<chain>.start/<name>/<n>`. A service that takes idempotency keys does the work once with it, however
   * often it is asked.
   */
  readonly idempotencyKey: string;
  /** 1, and one more each time that the work is tried again in this process. */
  readonly try: number;
  /** Says what the step is doing; see `ThreadContext.updateAgentStatus`. */
  readonly status: (message: string) => void;
}

/** Options of `ctx.step`. */
export interface StepOptions {
  /** What the work depends on, as plain JSON. A replay with another input is found; it is kept as a digest. */
  readonly input?: unknown;
  /** What a contact sees of the step; default: nothing. */
  readonly title?: string;
  /** Tries the work again when it fails; default: once is all. */
  readonly retry?: StepRetry;
  /** How long one try may take, in milliseconds; default: as long as the run. */
  readonly timeoutMs?: number;
}

/** How often the work of a step is tried, and how long it rests between. */
export interface StepRetry {
  /** How many more times after the first. */
  readonly times: number;
  /** The first pause, in milliseconds; each next one is twice as long. Default 500. */
  readonly minDelayMs?: number;
  /** The longest pause, in milliseconds. Default 30,000. */
  readonly maxDelayMs?: number;
}

/** How a step or a tool goes, for those who watch its run. */
export interface WorkNews {
  readonly name: string;
  /** What a contact may see; without it the work is the service's own matter. */
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  /** What it was given as its input. */
  readonly input?: unknown;
  /** Its result, when it is completed. */
  readonly output?: unknown;
  /** The message of its failure. */
  readonly error?: string;
}

/** How a step goes, for those who watch its run. */
export interface StepNews extends WorkNews {
  /** The same for all news of one step: `<name>/<n>`. */
  readonly id: string;
}

const MARK = Symbol.for('jims.step_failed');

/**
 * What `ctx.step` rejects with when its work fails, the first time and at each replay: only what JSON can
 * hold of the error. The error itself is its `cause` the first time, for logs.
 *
 * @example
 * try {
 *   await ctx.step('charge', () => payments.charge(order));
 * } catch (error) {
 *   if (!isStepFailed(error) || error.code !== 'card_declined') throw error;
 *   return ctx.sendMessage('Your card was declined.');
 * }
 */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  /** The name of the error that the work threw, such as `TypeError`. */
  readonly errorName: string;
  /** Its code, when that is text or a number. */
  readonly code: string | number | undefined;

  constructor(
    { errorName, message, code }: { errorName: string; message: string; code?: string | number },
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.errorName = errorName;
    this.code = code;
    // Not a field: a declaration file could not name it.
    Object.defineProperty(this, MARK, { value: true });
  }
}

/** True for a {@link StepFailed}, also for one of another copy of this package. */
export function isStepFailed(value: unknown): value is StepFailed {
  return typeof value === 'object' && value !== null && MARK in value;
}
