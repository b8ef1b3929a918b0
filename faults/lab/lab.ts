import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Checks } from '../check/checks.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { startCluster } from './cluster.ts';
import type { History } from './history.ts';
import type { PostgresServer } from './postgres-server.ts';
import type { Random } from './random.ts';

/** What a scenario works with. */
export interface Lab {
  readonly random: Random;
  readonly isLong: boolean;
  /** Of its own, to be kept when something is wrong. */
  readonly folder: string;
  /** The root of the sources to run. */
  readonly source: string;
  /** Of a scenario that is for both, those that it is shown on. */
  readonly stores: readonly StoreName[];
  readonly checks: Checks;
  readonly history: History;
  /** The server of all scenarios, started on first use. */
  postgres(): Promise<PostgresServer>;
  /** A figure for the table at the end. */
  figure(name: string, value: number | string): void;
  note(text: string): void;
}

export const STORES = ['SQLite', 'PostgreSQL'] as const;
export type StoreName = (typeof STORES)[number];

/** Why a scenario cannot be shown here; printed, never silent. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

export interface Scenario {
  /** F1 to F28. */
  readonly id: string;
  readonly about: string;
  run(lab: Lab): Promise<void>;
}

/** Shows the same on one process with a SQLite file, and on several with PostgreSQL. */
export async function onEachStore(
  lab: Lab,
  size: number,
  show: (lab: Lab, store: StoreName, size: number) => Promise<void>,
): Promise<void> {
  for (const store of lab.stores) await show(lab, store, store === 'SQLite' ? 1 : size);
}

/** The URL of an empty database. */
export async function freshDatabase(lab: Lab, store: StoreName): Promise<string> {
  if (store === 'PostgreSQL') return (await lab.postgres()).newDatabase();
  const folder = join(lab.folder, `sqlite-${lab.random.between(0, 1e9)}`);
  mkdirSync(folder);
  return `sqlite:///${join(folder, 'jims.db')}`;
}

type ProcessOptions = Pick<ClusterOptions, 'db' | 'size'> &
  Partial<ClusterOptions> & {
    /** For processes that are to be taken for dead soon; else it outlasts whatever a machine is busy with. */
    readonly leaseS?: number;
  };

/** Processes that serve `app.ts`. */
export function startProcesses(
  lab: Lab,
  { leaseS = PATIENT_LEASE_S, ...options }: ProcessOptions,
): Promise<Cluster> {
  const { source, folder, checks, history } = lab;
  const args = ['--lease-timeout', String(leaseS), ...(options.args ?? [])];
  const env = { FAULTS_EXECUTIONS: executionsFile(lab), ...options.env };
  return startCluster({ source, folder, checks, history, ...options, args, env });
}

/** Where each start of a pipeline leaves a line with its run. */
export function executionsFile({ folder }: Pick<Lab, 'folder'>): string {
  return join(folder, 'executions');
}

export const LEASE_S = 2;
const PATIENT_LEASE_S = 30;
/** A lease, the slowest reaper after it, and a slow machine. */
export const SETTLE_MS = 30_000;

/** How long a scenario runs: as in continuous integration, or as long as the command line says. */
export function lasts({ isLong }: Lab, shortMs: number, longMs: number): number {
  return isLong ? longMs : shortMs;
}

export function contactNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `c${index}`);
}
