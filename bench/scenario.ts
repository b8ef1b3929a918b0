import type { LoadGenerator } from './load/load-generator.ts';
import type { PostgresServer } from './stores/postgres.ts';

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  /** One sentence, for the list of scenarios. */
  readonly about: string;
  run(bench: Bench): Promise<readonly Row[]>;
}

/** What scenarios work with. */
export interface Bench {
  /** How long one round of load lasts. */
  readonly seconds: number;
  readonly connections: number;
  /** How often each program has its round. */
  readonly rounds: number;
  /** The protocols to measure beside our own; all when it is empty. */
  readonly protocols: readonly string[];
  /** A folder for CPU profiles of ours; none are made without it. */
  readonly profileFolder: string | undefined;
  /** A temporary folder. */
  readonly folder: string;
  readonly load: LoadGenerator;
  /** A durable server, started on first use. */
  postgres(): Promise<PostgresServer>;
  /** Prints what is going on. */
  note(text: string): void;
}

/** One line of the report. */
export interface Row {
  readonly figure: string;
  readonly ours: string;
  readonly floor?: string;
  /** Ours to the floor, or what else `target` is about. */
  readonly ratio?: number;
  readonly target?: string;
  /** Left out when the row is for information. */
  readonly verdict?: Verdict;
}

/** `limited`: the target was missed because the machine had no more to give. */
export type Verdict = 'pass' | 'miss' | 'limited';

/** The protocols that a scenario measures beside our own. */
export function chosenProtocols<Name extends string>(
  { protocols }: Bench,
  known: Readonly<Record<Name, unknown>>,
): readonly Exclude<Name, 'jims'>[] {
  const names = Object.keys(known) as Name[];
  return names.filter(
    (name): name is Exclude<Name, 'jims'> =>
      name !== 'jims' && (protocols.length === 0 || protocols.includes(name)),
  );
}

export function verdict(passes: boolean): Verdict {
  return passes ? 'pass' : 'miss';
}
