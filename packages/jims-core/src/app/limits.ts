import { JimsError } from '../errors/jims-error.ts';

/** Longer than anything is kept; databases count no further than to the year 9999. */
const HUNDRED_YEARS_MS = 36_525 * 86_400_000;
/** PostgreSQL's integers end here. */
const MOST = 2 ** 31 - 1;

/**
 * The limits of an app: the given ones, and the default ones for those that are left out or `undefined`.
 *
 * @throws JimsError `app_invalid` for one that is not a number from 0 on; `Infinity` is one.
 */
export function limitsOf<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  const checked = own.map(([name, value]: readonly [string, unknown]) => {
    if (typeof value === 'number' && value >= 0) return [name, storable(name, value)];
    const isNumber = typeof value === 'number';
    if (!isNumber && typeof Reflect.get(defaults, name) !== 'number') return [name, value];
    const is = isNumber ? value : `of the type ${typeof value}`;
    throw new JimsError('app_invalid', `The limit ${name} is ${is}: it must be a number from 0 on`);
  });
  return { ...defaults, ...Object.fromEntries(checked) };
}

/** As large as stores can count. */
function storable(name: string, value: number): number {
  if (name.endsWith('Ms')) return Math.min(value, HUNDRED_YEARS_MS);
  return /(?:Bytes|Size)$/.test(name) ? value : Math.min(value, MOST);
}
