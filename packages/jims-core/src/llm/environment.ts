import { JimsError } from '../errors/jims-error.ts';

/** Environment variables: `process.env`, or a stand-in for it in tests. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A key or an address, and the variable or setting that it comes from, for error messages. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** The first of the variables that is set, without white space around it. An empty one is not set. */
export function firstVariable(
  env: Environment,
  ...names: readonly string[]
): NamedValue | undefined {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/** The value of a variable, without white space around it; `undefined` when it is empty or not set. */
export function variable(env: Environment, name: string): string | undefined {
  return firstVariable(env, name)?.value;
}

/** @throws JimsError `llm_unusable` for a value that is not a whole number of at least `least`. */
export function integerVariable(env: Environment, name: string, least = 1): number | undefined {
  const text = variable(env, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  const reason = `${name} is '${text}': it must be a whole number of at least ${least}`;
  throw new JimsError('llm_unusable', reason);
}

const TRUE: ReadonlySet<string> = new Set(['1', 'true', 't', 'yes', 'y', 'on']);

export function booleanVariable(env: Environment, name: string): boolean {
  return TRUE.has((variable(env, name) ?? '').toLowerCase());
}

/** The error for a provider that needs one of these variables when none is set. */
export function missingVariable(provider: string, ...names: readonly string[]): JimsError {
  return new JimsError('llm_unusable', `Models of ${provider} need ${names.join(' or ')}`);
}
