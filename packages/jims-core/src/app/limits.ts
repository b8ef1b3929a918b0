import { JimsError } from '../errors/jims-error.ts';

/**
 * The limits of an app: the given ones, and the default ones for those that are left out or `undefined`.
 *
 * @throws JimsError `app_invalid` for one that is not a number from 0 on; `Infinity` is one.
 */
export function limitsOf<T extends object>(defaults: T, given: Partial<T> = {}): T {
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of own) {
    const isNumber = typeof value === 'number';
    const isWrong = isNumber ? !(value >= 0) : typeof Reflect.get(defaults, name) === 'number';
    if (!isWrong) continue;
    const is = isNumber ? value : `of the type ${typeof value}`;
    throw new JimsError('app_invalid', `The limit ${name} is ${is}: it must be a number from 0 on`);
  }
  return { ...defaults, ...Object.fromEntries(own) };
}
