import type { OpenOptions } from './app.ts';

// Kept by the process and not by this module: an app may use another copy of the package.
const KEY = Symbol.for('jims.openOptions');

/**
 * Sets the options of every app of this process that is used before it is opened with others. For
 * programs that load an app and then open it: what the app's module does with its threads while it is
 * loaded, is done in the store that the program has for it.
 *
 * @example
 * const options = { store: 'postgresql://localhost/chat' };
 * openByDefault(options);
 * const { app } = await import('./app.ts');
 * await app.open(options);
 */
export function openByDefault(options: OpenOptions): void {
  Reflect.set(globalThis, KEY, options);
}

/** What `openByDefault` set. */
export function defaultOpenOptions(): OpenOptions {
  const options: OpenOptions | undefined = Reflect.get(globalThis, KEY);
  return options ?? {};
}
