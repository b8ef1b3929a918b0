// How a program that serves an app lets it go on with other code while it is open. The app may be of another copy
// of this package than the program: what they share is found by symbols.
import { JimsError } from '../errors/jims-error.ts';
import type { JimsAppOptions } from './options.ts';

/** What an open app cannot change; `jims-core` when two apps are of different copies of this package. */
export type FixedPart = 'store' | 'files' | 'durable' | 'jims-core';

/** The part of an app that can be given other code. */
export interface LiveCode {
  takeOver(fresh: unknown): readonly FixedPart[];
  refuseRuns(reason: JimsError): void;
}

/** The member of an app that says that it is one, and holds what is inside of it. */
export const MARK: symbol = Symbol.for('jims.app');
const RELOADED = Symbol.for('jims.reloadedApp');

/**
 * Lets an open app go on with the code of another one: its pipelines, models, name, description and version.
 * Runs that have begun end with the code that they began with. The other app becomes another name of the
 * open one: its threads and runs are those of the open app.
 *
 * @returns what differs and cannot be changed while the app is open; then nothing is changed.
 * @example
 * const fixed = takeOver(served, app);
 * if (fixed.length > 0) console.log(`Start again: ${fixed.join(', ')} changed`);
 */
export function takeOver(running: object, fresh: object): readonly FixedPart[] {
  return liveCodeOf(running)?.takeOver(liveCodeOf(fresh)) ?? ['jims-core'];
}

/**
 * Makes an app refuse runs with `code_broken` until it takes over code: it stands for one that could not
 * be loaded.
 */
export function refuseRuns(app: object, message: string): void {
  liveCodeOf(app)?.refuseRuns(new JimsError('code_broken', message));
}

/**
 * Says that new code of an open app is being loaded, until it is called without one. Code that uses the threads of
 * its app while it loads then uses those of the open app.
 */
export function reloading(running: object | undefined): void {
  Reflect.set(globalThis, RELOADED, running && liveCodeOf(running));
}

/** What `reloading` has set. */
export function appBeingReloaded(): unknown {
  return Reflect.get(globalThis, RELOADED);
}

/** What of two definitions differs and cannot be changed while an app is open. */
export function differingParts(one: JimsAppOptions, other: JimsAppOptions): readonly FixedPart[] {
  const differs: Readonly<Record<string, boolean>> = {
    store: one.store !== other.store,
    files: one.files !== other.files,
    durable: durability(one) !== durability(other),
  };
  return (['store', 'files', 'durable'] as const).filter((name) => differs[name]);
}

function durability({ durable = false }: JimsAppOptions): string {
  if (durable === false) return 'none';
  return durable === true || durable.models !== false ? 'with models' : 'without models';
}

function liveCodeOf(app: object): LiveCode | undefined {
  const inside: LiveCode | undefined = Reflect.get(app, MARK);
  return inside;
}
