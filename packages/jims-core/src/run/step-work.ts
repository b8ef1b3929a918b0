import { setTimeout as sleep } from 'node:timers/promises';

import { JimsError, isJimsError } from '../errors/jims-error.ts';
import { TIMER_MS } from '../errors/number-option.ts';
import { StepFailed, isStepFailed } from '../pipeline/step.ts';
import type { StepOptions, StepRetry, StepScope } from '../pipeline/step.ts';
import type { EntryOutcome } from '../store/store.ts';
import { cleanJson, cutText } from '../text/clean-text.ts';
import { notPlain } from '../text/plain-json.ts';
import type { JsonObject } from '../thread/event.ts';
import { pauseAfter } from './outage.ts';

const MAX_MESSAGE = 4000;
const MAX_NAME = 200;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;

/** What a step needs of the run that does it. */
export interface StepRun {
  readonly signal: AbortSignal;
  readonly idempotencyKey: string;
  readonly status: (message: string) => void;
}

/** Does the work of a step, as often as its options say. Rejects with the last failure. */
export async function doStep<T>(
  work: (scope: StepScope) => T | Promise<T>,
  { retry = { times: 0 }, timeoutMs }: StepOptions,
  { signal, idempotencyKey, status }: StepRun,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const oneTry = (limited: AbortSignal): T | Promise<T> =>
        work({ signal: limited, idempotencyKey, try: attempt, status });
      return await (timeoutMs === undefined ? oneTry(signal) : inTime(oneTry, signal, timeoutMs));
    } catch (error) {
      if (attempt > retry.times || signal.aborted) throw error;
      await sleep(pauseBefore(attempt, retry), undefined, { signal });
    }
  }
}

/** The signal of a try aborts after its time, and so does the try, whatever its work does. */
async function inTime<T>(
  work: (signal: AbortSignal) => T | Promise<T>,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<T> {
  const late = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      const error = new DOMException(`The step took longer than ${timeoutMs} ms`, 'TimeoutError');
      late.abort(error);
      reject(error);
    },
    Math.min(timeoutMs, TIMER_MS.most),
  );
  try {
    return await Promise.race([work(AbortSignal.any([signal, late.signal])), promise]);
  } finally {
    clearTimeout(timer);
  }
}

function pauseBefore(attempt: number, retry: StepRetry): number {
  const { minDelayMs = FIRST_PAUSE_MS, maxDelayMs = LAST_PAUSE_MS } = retry;
  return Math.min(pauseAfter(attempt - 1, minDelayMs, maxDelayMs), TIMER_MS.most);
}

/**
 * A result as it is kept: the value that the pipeline gets is read from it, also the first time.
 *
 * @throws JimsError `step_result_invalid` for a value that JSON would change.
 */
export function keptValue(what: string, value: unknown): EntryOutcome {
  const fault = notPlain(value);
  if (fault !== undefined) {
    throw new JimsError(
      'step_result_invalid',
      `The result of ${what} is not plain JSON: ${fault}. Give plain values, such as a date as text`,
    );
  }
  return { kind: 'value', json: value === undefined ? undefined : cleanJson(value) };
}

/** A failure as it is kept. Never throws, whatever was thrown. */
export function keptError(error: unknown): EntryOutcome {
  // As it will be read, so that the pipeline gets the same the first time.
  const kept: JsonObject = JSON.parse(cleanJson(describeFailure(error)));
  return { kind: 'error', error: kept };
}

/** What the pipeline gets of a failure: the same in each execution. */
export function failureFrom(
  { error }: Extract<EntryOutcome, { kind: 'error' }>,
  cause?: unknown,
): Error {
  const { name, message, code, isOurs } = error;
  const text = typeof message === 'string' ? message : '';
  if (isOurs === true && typeof code === 'string') return ourError(code, text, cause);
  return new StepFailed(
    {
      errorName: typeof name === 'string' ? name : 'Error',
      message: text,
      ...((typeof code === 'string' || typeof code === 'number') && { code }),
    },
    cause === undefined ? undefined : { cause },
  );
}

/** What work threw, by what the pipeline gets of it. */
export function originOf(error: unknown): unknown {
  if (!Error.isError(error) || !Error.isError(error.cause)) return error;
  const { cause } = error;
  const isKept = isStepFailed(error) || (isJimsError(error) && isSame(error, cause));
  return isKept ? cause : error;
}

function isSame({ code }: JimsError, cause: Error): boolean {
  return isJimsError(cause) && cause.code === code;
}

/** The value of a result. */
export function valueFrom({ json }: Extract<EntryOutcome, { kind: 'value' }>): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}

/** An error whose members may have any type. */
interface UnknownError {
  readonly name: unknown;
  readonly message: unknown;
  readonly code?: unknown;
}

function describeFailure(error: unknown): JsonObject {
  try {
    if (!Error.isError(error))
      return { name: 'Error', message: cutText(String(error), MAX_MESSAGE) };
    const { name, message, code }: UnknownError = error;
    return {
      name: String(name).slice(0, MAX_NAME),
      message: cutText(String(message), MAX_MESSAGE),
      ...(typeof code === 'number' && { code }),
      ...(typeof code === 'string' && { code: code.slice(0, MAX_NAME) }),
      ...(isJimsError(error) && { isOurs: true }),
    };
  } catch {
    return { name: 'Error', message: 'An error that cannot be read' };
  }
}

/** Of this version or another one: a code that this version does not know is as good as any. */
function ourError(code: string, message: string, cause: unknown): JimsError {
  return Object.assign(new JimsError('pipeline_failed', message, { cause }), { code });
}
