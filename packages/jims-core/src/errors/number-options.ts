// Options that are numbers. Those whose names end with `Ms` are times.
import { JimsError } from './jims-error.ts';

/** The longest time that a timer takes, in milliseconds: a longer one would be over at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;
/** A hundred years, which every database can count. */
const MAX_AGE_MS = 36_500 * 86_400_000;

const AGES = new Set(['idempotencyTtlMs', 'questionTtlMs', 'retentionMs', 'unnamedFileMs']);
const MAY_BE_ZERO = new Set([
  'drainTimeoutMs',
  'graceMs',
  'keepAliveTimeoutMs',
  'requestTimeoutMs',
]);

/**
 * The limits of an app: its own, and the defaults of those that it leaves out, or undefined.
 *
 * @throws JimsError `app_invalid` for one that cannot work.
 */
export function limitsOf<T extends object>(defaults: T, own: Partial<T> = {}): T {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  const limits = { ...defaults, ...Object.fromEntries(given) };
  const fault = numberFault(limits);
  if (fault === undefined) return limits;
  throw new JimsError('app_invalid', `The limit ${fault}`);
}

/** Says what is wrong with the first number that cannot work, such as NaN, or a time without end. */
export function numberFault(options: object): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    const [min, max] = boundsOf(name);
    if (typeof value !== 'number' || (value >= min && value <= max)) continue;
    return `${name} must be a number from ${min}${max === Infinity ? '' : ` to ${max}`}, got ${value}`;
  }
  return undefined;
}

function boundsOf(name: string): readonly [min: number, max: number] {
  if (!name.endsWith('Ms')) return [0, Infinity];
  return [MAY_BE_ZERO.has(name) ? 0 : 1, AGES.has(name) ? MAX_AGE_MS : MAX_TIMER_MS];
}
