import { AsyncLocalStorage } from 'node:async_hooks';

import { JimsError } from '../errors/jims-error.ts';
import { UsageSum } from '../llm/usage.ts';
import type { CallUsage, ModelUsage } from '../llm/usage.ts';

/** The work of one entry of a journal, while it is done. */
class EntryScope {
  readonly what: string;
  #usage: UsageSum | undefined;

  constructor(what: string) {
    this.what = what;
  }

  add(usage: CallUsage): void {
    this.#usage ??= new UsageSum();
    this.#usage.add(usage);
  }

  get used(): readonly ModelUsage[] {
    return this.#usage?.total ?? [];
  }
}

const current = new AsyncLocalStorage<EntryScope>();

/** Does the work of an entry; gives what it gave, and the models that it used. */
export async function inEntry<T>(
  what: string,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly usage: readonly ModelUsage[] }> {
  const scope = new EntryScope(what);
  const value = await current.run(scope, work);
  return { value, usage: scope.used };
}

/** Whether the code that calls this is the work of an entry: what it does is kept with that. */
export function isInEntry(): boolean {
  return current.getStore() !== undefined;
}

/** @throws JimsError `step_nested` inside the work of an entry. */
export function requireOutsideEntry(what: string): void {
  const scope = current.getStore();
  if (!scope) return;
  throw new JimsError(
    'step_nested',
    `${what} is called inside ${scope.what}: call it in the pipeline itself, before or after`,
  );
}

/** The error of an event that is sent inside the work of an entry: a replay would not send it. `undefined` outside. */
export function sentInEntry(type: string): JimsError | undefined {
  const scope = current.getStore();
  if (!scope) return undefined;
  return new JimsError(
    'step_nested',
    `'${type}' is sent inside ${scope.what}, which is not done again when the pipeline goes on in another process, or with an answer: send it in the pipeline itself, before or after`,
  );
}

/** Counts the usage of a model for the entry that is being made, if there is one. */
export function countForEntry(usage: CallUsage): void {
  current.getStore()?.add(usage);
}
