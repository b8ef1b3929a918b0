import type { StoreName } from '../lab/lab.ts';

/** One promise taken out of the sources on purpose, to see that a scenario notices. */
export interface Mutant {
  readonly name: string;
  /** What it takes out. */
  readonly about: string;
  readonly changes: readonly Change[];
  /** The store that it is about, when it is about one. */
  readonly store?: StoreName;
  /** Each of them is to go red by it. */
  readonly scenarios: readonly string[];
  /** Of F25 and F28: only these tests, for F25 of `packages/jims-core/test`. */
  readonly tests?: readonly string[];
  /** What it takes out only makes things quicker, or is done twice: the scenarios are to stay green. */
  readonly isHarmless?: boolean;
}

/** Text that a file has exactly once, and what replaces it. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}
