import type { Contacts, LoadResult, LoadSpec } from './load/load-spec.ts';
import { median, rounded } from './numbers.ts';
import { cpuMs } from './process-usage.ts';
import type { Program } from './programs/program.ts';
import type { Bench } from './scenario.ts';

/** A program under a load, round after round. */
export interface Contestant {
  readonly program: Program;
  readonly contacts: 'new' | Contacts;
  readonly protocol?: LoadSpec['protocol'];
}

/** One round of a program. */
export interface Round extends LoadResult {
  /** CPU time of the server for one response, in microseconds. */
  readonly cpuUs: number;
}

export type ContestOptions = Partial<Pick<LoadSpec, 'seconds' | 'connections' | 'rate'>>;

const WARM_UP_SECONDS = 1;

/**
 * Gives each contestant its rounds in turn, so that what else the machine does hits all of them, after
 * a round each that does not count. Fails when a program has not stored what it answered.
 */
export async function contest(
  bench: Bench,
  contestants: readonly Contestant[],
  { seconds = bench.seconds, connections = bench.connections, rate }: ContestOptions = {},
): Promise<readonly (readonly Round[])[]> {
  const before = await Promise.all(contestants.map(({ program }) => program.database.count()));
  const results: Round[][] = contestants.map(() => []);
  const responses = contestants.map(() => 0);
  for (let round = 0; round <= bench.rounds; round++) {
    for (const [index, { program, contacts, protocol }] of contestants.entries()) {
      const cpuBefore = cpuMs(program.pid);
      const result = await bench.load.run({
        ports: [program.port],
        connections,
        seconds: round === 0 ? WARM_UP_SECONDS : seconds,
        contacts: contacts === 'new' ? { kind: 'new', prefix: `new-${unique()}-` } : contacts,
        ...(rate !== undefined && { rate }),
        ...(protocol && { protocol }),
      });
      const cpuUs = ((cpuMs(program.pid) - cpuBefore) * 1000) / result.responses;
      responses[index] = (responses[index] ?? 0) + result.responses;
      if (round > 0) results[index]?.push({ ...result, cpuUs });
    }
  }
  for (const [index, { program, contacts }] of contestants.entries()) {
    const [stored, then, answered] = [
      await program.database.count(),
      before[index],
      responses[index],
    ];
    const messages = stored.messages - (then?.messages ?? 0);
    const threads = stored.threads - (then?.threads ?? 0);
    const expectedThreads = contacts === 'new' ? answered : 0;
    if (messages === (answered ?? 0) * 2 && threads === expectedThreads) continue;
    throw new Error(
      `${answered} answers, but ${messages} messages and ${threads} new threads are stored in ${program.database.url}`,
    );
  }
  return results;
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
  return `${perSecond}/s, p50 ${p50} p99 ${p99} ms, CPU ${cpu} µs`;
}

let uniques = 0;

function unique(): number {
  return ++uniques;
}
