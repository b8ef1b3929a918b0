import { availableParallelism } from 'node:os';

import type { LoadResult } from '../load/load-spec.ts';
import { median, rounded } from '../numbers.ts';
import { cpuMs, machineCpuMs } from '../process-usage.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';

const TARGET = 1.6;
const ROUNDS = 3;
/** A machine that is busier than this has no more to give. */
const SATURATED = 0.9;

interface Round extends LoadResult {
  /** CPU time of each of them per second: 1 is one whole core. */
  readonly servers: readonly number[];
  readonly generator: number;
  readonly database: number;
  /** Of all cores, whoever used them: 1 is everything. */
  readonly machine: number;
}

/** Whether a second process on the same database brings as much as the first. */
export const processes: Scenario = {
  name: 'processes',
  about: 'Two processes on one PostgreSQL against one',
  async run(bench) {
    const database = await newDatabase(bench, 'PostgreSQL');
    await using first = await startOurs(bench, { database });
    await using second = await startOurs(bench, { database });
    const one: Round[] = [];
    const two: Round[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      bench.note(`processes, round ${round} of ${ROUNDS}`);
      const alone = await measure(bench, [first], round);
      const together = await measure(bench, [first, second], round);
      if (round === 0) continue;
      one.push(alone);
      two.push(together);
    }
    return report(one, two);
  },
};

async function measure(bench: Bench, programs: readonly Program[], round: number): Promise<Round> {
  const pids = programs.map(({ pid }) => pid);
  const databaseCpuMs = (): number => programs[0]?.database.cpuMs() ?? 0;
  const before = { servers: pids.map(cpuMs), database: databaseCpuMs(), machine: machineCpuMs() };
  const started = performance.now();
  const result = await bench.load.run({
    ports: programs.map(({ port }) => port),
    connections: bench.connections * 2,
    seconds: bench.seconds,
    contacts: { kind: 'new', prefix: `processes-${programs.length}-${round}-` },
  });
  const ms = performance.now() - started;
  const machine = machineCpuMs();
  return {
    ...result,
    servers: pids.map((pid, index) => (cpuMs(pid) - (before.servers[index] ?? 0)) / ms),
    generator: result.cpuMs / ms,
    database: (databaseCpuMs() - before.database) / ms,
    machine: (machine.used - before.machine.used) / (machine.all - before.machine.all),
  };
}

function report(one: readonly Round[], two: readonly Round[]): Row[] {
  const ratio = median(two.map((round, index) => round.perSecond / (one[index]?.perSecond ?? 0)));
  const busy = median(two.map((round) => round.machine));
  const passes = ratio >= TARGET;
  return [
    {
      figure: 'two processes on PostgreSQL (floor: one)',
      ours: `${rounded(median(two.map((round) => round.perSecond)))}/s`,
      floor: `${rounded(median(one.map((round) => round.perSecond)))}/s`,
      ratio,
      target: `>= ${TARGET}`,
      verdict: passes ? 'pass' : busy > SATURATED ? 'limited' : 'miss',
    },
    { figure: '  cores used, with two processes', ours: cores(two) },
    { figure: '  cores used, with one process', ours: cores(one) },
  ];
}

function cores(rounds: readonly Round[]): string {
  const of = (figure: (round: Round) => number): string => median(rounds.map(figure)).toFixed(2);
  const servers = rounds[0]?.servers.map((_, index) => of((round) => round.servers[index] ?? 0));
  const machine = Number(of((round) => round.machine)) * 100;
  return [
    `servers ${servers?.join(' + ')}`,
    `PostgreSQL ${of((round) => round.database)}`,
    `load ${of((round) => round.generator)}`,
    `all ${availableParallelism()} are ${Math.round(machine)} % busy`,
  ].join(', ');
}
