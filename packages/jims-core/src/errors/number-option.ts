import { JimsError } from './jims-error.ts';

/** Node's timers fire at once when the time is longer. It is almost 25 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const YEAR_MS = 366 * 86_400_000;

/** What a number may be. A larger one, such as `Infinity`, counts as `most`. */
export interface NumberRange {
  readonly least: number;
  readonly most: number;
}

/** How many there may be, or how large something may be. */
export const COUNT: NumberRange = { least: 1, most: 2 ** 31 - 1 };
/** Milliseconds that a timer measures. */
export const TIMER_MS: NumberRange = { least: 1, most: LONGEST_TIMER_MS };
/** Milliseconds that are added to a date. */
export const AGE_MS: NumberRange = { least: 1, most: 100 * YEAR_MS };

/**
 * A number that an author gave as an option.
 *
 * @throws JimsError `app_invalid` for what is not a number, or too small.
 * @example
 * const maxRuns = numberOption('maxRuns', options.maxRuns ?? 1024, COUNT);
 */
export function numberOption(name: string, value: unknown, { least, most }: NumberRange): number {
  if (typeof value === 'number' && value >= least) return Math.min(value, most);
  const given = typeof value === 'number' ? value : `of type ${typeof value}`;
  throw new JimsError(
    'app_invalid',
    `${name} is ${given}: it must be a number of at least ${least}`,
  );
}

/**
 * Options with their numbers checked, and without those that are `undefined`: there the default counts.
 *
 * @throws JimsError `app_invalid`
 * @example
 * const limits = { ...DEFAULT_LIMITS, ...numberOptions(given, { maxRuns: COUNT }) };
 */
export function numberOptions<T extends object>(
  given: T,
  ranges: { readonly [Name in keyof T]?: NumberRange },
): { readonly [name: string]: T[keyof T] | number } {
  const isRanged = (name: string): name is keyof T & string => Object.hasOwn(ranges, name);
  return Object.fromEntries(
    Object.entries(given)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const range = isRanged(name) ? ranges[name] : undefined;
        return [name, range ? numberOption(name, value, range) : value];
      }),
  );
}
