import type { LoadResult, LoadSpec } from './load/load-spec.ts';
import type { ProtocolName } from './load/protocols.ts';
import type { Contacts } from './load/requests.ts';
import { median, rounded } from './numbers.ts';
import { cpuMs } from './process-usage.ts';
import type { Program } from './programs/program.ts';
import type { Bench } from './scenario.ts';
import type { BenchDatabase } from './stores/bench-database.ts';

/** A program under a load, round after round. */
export interface Contestant {
  readonly program: Program;
  readonly contacts: 'new' | Contacts;
  readonly protocol?: ProtocolName;
  /** Requests a second; as many as it can without it. */
  readonly rate?: number;
}

/** One round of a program. */
export interface Round extends LoadResult {
  /** CPU time of the program for one response, in microseconds. */
  readonly cpuUs: number;
  /** The same of the database server. */
  readonly databaseUs: number;
}

export type ContestOptions = Partial<Pick<LoadSpec, 'seconds' | 'connections'>>;

const WARM_UP_SECONDS = 1;

/**
 * Gives each contestant its rounds in turn, so that what else the machine does hits all of them, after
 * a round each that does not count. Fails when a program has not stored what it answered.
 */
export async function contest(
  bench: Bench,
  contestants: readonly Contestant[],
  { seconds = bench.seconds, connections = bench.connections }: ContestOptions = {},
): Promise<readonly (readonly Round[])[]> {
  const databases = new Set(contestants.map(({ program }) => program.database));
  const accounts = await Promise.all(Array.from(databases, openAccount));
  const results: Round[][] = contestants.map(() => []);
  for (let round = 0; round <= bench.rounds; round++) {
    for (const [index, { program, contacts, protocol, rate }] of contestants.entries()) {
      const account = accounts.find(({ database }) => database === program.database);
      const before = { own: cpuMs(program.pid), database: program.database.cpuMs() };
      const result = await bench.load.run({
        ports: [program.port],
        connections,
        seconds: round === 0 ? WARM_UP_SECONDS : seconds,
        contacts: contacts === 'new' ? { kind: 'new', prefix: `new-${unique()}-` } : contacts,
        ...(rate !== undefined && { rate }),
        ...(protocol && { protocol }),
      });
      const cpuUs = ((cpuMs(program.pid) - before.own) * 1000) / result.responses;
      const databaseUs = ((program.database.cpuMs() - before.database) * 1000) / result.responses;
      account?.add(result.responses, contacts === 'new');
      if (round > 0) results[index]?.push({ ...result, cpuUs, databaseUs });
    }
  }
  for (const account of accounts) await account.check();
  return results;
}

/** What a database must hold more when the load is over. */
interface Account {
  readonly database: BenchDatabase;
  add(answers: number, newThreads: boolean): void;
  /** Throws when it does not hold exactly that. */
  check(): Promise<void>;
}

async function openAccount(database: BenchDatabase): Promise<Account> {
  const before = await database.count();
  let answers = 0;
  let threads = 0;
  return {
    database,
    add(more, newThreads) {
      answers += more;
      if (newThreads) threads += more;
    },
    async check() {
      const after = await database.count();
      const stored = after.messages - before.messages;
      const made = after.threads - before.threads;
      if (stored === answers * 2 && made === threads) return;
      throw new Error(
        `${answers} answers, ${threads} of them in new threads: but ${stored} messages and ${made} threads were stored in ${database.url}`,
      );
    },
  };
}

/** The median of the ratios of rounds that were next to each other. */
export function ratioOf(
  ours: readonly Round[],
  floor: readonly Round[],
  figure: (round: Round) => number,
): number {
  return median(ours.map((round, index) => figure(round) / figure(floor[index] ?? round)));
}

/** The medians of a program's rounds, in words. */
export function summary(rounds: readonly Round[]): string {
  const of = (figure: (round: Round) => number): number => median(rounds.map(figure));
  const perSecond = rounded(of((round) => round.perSecond));
  const p50 = rounded(of((round) => round.p50Ms));
  const p99 = rounded(of((round) => round.p99Ms));
  const cpu = Math.round(of((round) => round.cpuUs));
  const database = Math.round(of((round) => round.databaseUs));
  const spent = database > 0 ? `${cpu} + ${database}` : String(cpu);
  return `${perSecond}/s, p50 ${p50} p99 ${p99} ms, CPU ${spent} µs`;
}

let uniques = 0;

function unique(): number {
  return ++uniques;
}
