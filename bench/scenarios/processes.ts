import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { coreCpuMs, keepOn } from '../cores.ts';
import type { LoadResult } from '../load/load-spec.ts';
import { median, rounded } from '../numbers.ts';
import { cpuMs, machineCpuMs } from '../process-usage.ts';
import { startOurs } from '../programs/ours.ts';
import type { Program } from '../programs/program.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';

const COMPUTE = fileURLToPath(new URL('../apps/compute.ts', import.meta.url));
const TARGET = 1.6;
/** From here on a core has no more to give. */
const BUSY = 0.9;
const ROUNDS = 3;

interface Round extends LoadResult {
  /** CPU time of each of them per second: 1 is one whole core. */
  readonly servers: readonly number[];
  readonly generator: number;
  readonly database: number;
  /** Of all cores, whatever used them: 1 is everything. */
  readonly machine: number;
  /** Of the last core. */
  readonly lastCore: number;
}

/** The rounds of one process, and of two. */
interface Pair {
  readonly one: readonly Round[];
  readonly two: readonly Round[];
}

/**
 * Whether a second process on the same database brings as much as the first. It does when the pipelines
 * compute; when they do nothing the database is what there is to do, and it shows that it is the limit.
 */
export const processes: Scenario = {
  name: 'processes',
  about: 'Two processes on one PostgreSQL against one',
  async run(bench) {
    const computing = await compare(bench, 'computing', COMPUTE);
    const idle = await compare(bench, 'empty', undefined);
    const apart = availableParallelism() > 1 ? await compareApart(bench) : undefined;
    if (!apart) bench.note('one core: PostgreSQL cannot have one of its own');
    return [
      ...reportComputing(computing),
      ...reportEmpty(idle),
      ...(apart ? reportApart(apart) : []),
    ];
  },
};

async function compare(bench: Bench, name: string, app: string | undefined): Promise<Pair> {
  const database = await newDatabase(bench, 'PostgreSQL');
  await using first = await startOurs(bench, { database, ...(app && { app }) });
  await using second = await startOurs(bench, { database, ...(app && { app }) });
  return await takeTurns(bench, name, [first, second]);
}

/** PostgreSQL has the last core, the servers and the load have the others. */
async function compareApart(bench: Bench): Promise<Pair> {
  const database = await newDatabase(bench, 'PostgreSQL');
  await using first = await startOurs(bench, { database });
  await using second = await startOurs(bench, { database });
  const last = availableParallelism() - 1;
  const others = Array.from({ length: last }, (_, core) => core);
  using kept = new DisposableStack();
  kept.use(keepOn([last], database.processes()));
  kept.use(keepOn(others, [first.pid, second.pid, bench.load.pid]));
  return await takeTurns(bench, 'apart', [first, second]);
}

async function takeTurns(
  bench: Bench,
  name: string,
  [first, second]: readonly [Program, Program],
): Promise<Pair> {
  const one: Round[] = [];
  const two: Round[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    bench.note(`processes, ${name}, round ${round} of ${ROUNDS}`);
    const alone = await measure(bench, [first], `${name}-1-${round}-`);
    const together = await measure(bench, [first, second], `${name}-2-${round}-`);
    if (round === 0) continue;
    one.push(alone);
    two.push(together);
  }
  return { one, two };
}

async function measure(bench: Bench, programs: readonly Program[], prefix: string): Promise<Round> {
  const pids = programs.map(({ pid }) => pid);
  const last = availableParallelism() - 1;
  const databaseCpuMs = (): number => programs[0]?.database.cpuMs() ?? 0;
  const before = { servers: pids.map(cpuMs), database: databaseCpuMs(), ...machine() };
  const started = performance.now();
  const result = await bench.load.run({
    ports: programs.map(({ port }) => port),
    connections: bench.connections * 2,
    seconds: bench.seconds,
    contacts: { kind: 'new', prefix },
  });
  const ms = performance.now() - started;
  const after = machine();
  return {
    ...result,
    servers: pids.map((pid, index) => (cpuMs(pid) - (before.servers[index] ?? 0)) / ms),
    generator: result.cpuMs / ms,
    database: (databaseCpuMs() - before.database) / ms,
    machine: share(before.all, after.all),
    lastCore: share(before.last, after.last),
  };

  function machine(): { readonly all: CpuTime; readonly last: CpuTime } {
    return { all: machineCpuMs(), last: coreCpuMs(last) };
  }
}

type CpuTime = ReturnType<typeof machineCpuMs>;

function share(before: CpuTime, after: CpuTime): number {
  return (after.used - before.used) / (after.all - before.all);
}

function reportComputing(pair: Pair): Row[] {
  const ratio = ratioOf(pair);
  const passes = ratio >= TARGET;
  const limited = median(pair.two.map((round) => round.machine)) > BUSY;
  return [
    {
      figure: 'two processes, pipelines compute 5 ms (floor: one)',
      ...perSecond(pair),
      ratio,
      target: `>= ${TARGET}`,
      verdict: passes ? 'pass' : limited ? 'limited' : 'miss',
    },
    { figure: '  cores used, with two processes', ours: cores(pair.two) },
    { figure: '  cores used, with one process', ours: cores(pair.one) },
  ];
}

function reportEmpty(pair: Pair): Row[] {
  const { one, two } = pair;
  const spent = (figure: (round: Round) => number): string =>
    `${Math.round(median(one.map((round) => (figure(round) * 1e6) / round.perSecond)))} µs`;
  const server = spent(({ servers }) => servers[0] ?? 0);
  return [
    {
      figure: 'two processes, pipelines do nothing (floor: one)',
      ...perSecond(pair),
      ratio: ratioOf(pair),
    },
    {
      figure: '  CPU for a request',
      ours: `server ${server}, PostgreSQL ${spent(({ database }) => database)}`,
    },
    { figure: '  cores used, with two processes', ours: cores(two) },
    { figure: '  cores used, with one process', ours: cores(one) },
  ];
}

function reportApart(pair: Pair): Row[] {
  const { one, two } = pair;
  const own = median(one.map((round) => round.database));
  const all = median(one.map((round) => round.lastCore));
  return [
    {
      figure: 'the same, PostgreSQL on one core, all others beside it',
      ...perSecond(pair),
      ratio: ratioOf(pair),
    },
    {
      figure: '  what PostgreSQL uses of its core, with one process',
      ours: `${Math.round(own * 100)} %, all together ${Math.round(all * 100)} %`,
      target: `>= ${BUSY * 100} %`,
      verdict: own >= BUSY ? 'pass' : all >= BUSY ? 'limited' : 'miss',
    },
    { figure: '  cores used, with two processes', ours: cores(two) },
    { figure: '  cores used, with one process', ours: cores(one) },
  ];
}

function ratioOf({ one, two }: Pair): number {
  return median(two.map((round, index) => round.perSecond / (one[index]?.perSecond ?? 0)));
}

function perSecond({ one, two }: Pair): Pick<Row, 'ours' | 'floor'> {
  const of = (rounds: readonly Round[]): string =>
    `${rounded(median(rounds.map((round) => round.perSecond)))}/s`;
  return { ours: of(two), floor: of(one) };
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
