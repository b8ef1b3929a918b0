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

export function verdict(passes: boolean): Verdict {
  return passes ? 'pass' : 'miss';
}
