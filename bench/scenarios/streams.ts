import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { openStream } from '../load/open-stream.ts';
import type { OpenStream } from '../load/open-stream.ts';
import { rounded } from '../numbers.ts';
import { rssMib } from '../process-usage.ts';
import { startOurs } from '../programs/ours.ts';
import { verdict } from '../scenario.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { newDatabase } from '../stores/new-database.ts';

const APP = fileURLToPath(new URL('../apps/open.ts', import.meta.url));
const STREAMS = 5000;
const AT_ONCE = 100;
const SETTLE_MS = 2000;
const MAX_MIB = 300;
const MAX_KIB_PER_STREAM = 40;
/** Files that a process has open beside its sockets. */
const OTHER_FILES = 100;

/** What it costs to have many people waiting for an answer at once. */
export const streams: Scenario = {
  name: 'streams',
  about: 'The memory of a process with 5,000 open event streams',
  async run(bench) {
    const count = Math.min(STREAMS, openFilesLimit() - OTHER_FILES);
    if (count < STREAMS) bench.note(`only ${count} streams: ulimit -n allows no more`);
    return report(await measure(bench, count));
  },
};

interface Memory {
  readonly count: number;
  readonly idleMib: number;
  readonly fullMib: number;
}

async function measure(bench: Bench, count: number): Promise<Memory> {
  const database = await newDatabase(bench, 'SQLite');
  const flags = ['--max-runs', String(count * 2), '--max-streams', String(count * 2)];
  await using program = await startOurs(bench, { database, app: APP, flags });
  const open: OpenStream[] = [];
  await openAndFollow(program.port, 0, 1, open);
  await sleep(SETTLE_MS);
  const idleMib = rssMib(program.pid);
  for (let from = 1; from < count; from += AT_ONCE) {
    await openAndFollow(program.port, from, Math.min(AT_ONCE, count - from), open);
  }
  await sleep(SETTLE_MS);
  const fullMib = rssMib(program.pid);
  process.kill(program.pid, 'SIGUSR2');
  await Promise.all(open.map((stream) => stream.until('event: result')));
  return { count, idleMib, fullMib };
}

async function openAndFollow(
  port: number,
  from: number,
  count: number,
  open: OpenStream[],
): Promise<void> {
  const added = Array.from({ length: count }, (_, index) =>
    openStream(port, { contact_id: `stream-${from + index}`, message: 'wait' }),
  );
  open.push(...added);
  await Promise.all(added.map((stream) => stream.until('event: status')));
}

function report(memory: Memory): Row[] {
  const { count, idleMib, fullMib } = memory;
  return [
    {
      figure: `memory (RSS) with ${count.toLocaleString('en')} open streams`,
      ours: mib(memory),
      floor: `${rounded(idleMib)} MiB with one`,
      target: `< ${MAX_MIB} MiB`,
      verdict: verdict(fullMib < MAX_MIB),
    },
    {
      figure: '  for each stream',
      ours: perStream(memory),
      target: `< ${MAX_KIB_PER_STREAM} KiB`,
      verdict: verdict(kibPerStream(memory) < MAX_KIB_PER_STREAM),
    },
  ];
}

function kibPerStream({ count, idleMib, fullMib }: Memory): number {
  return ((fullMib - idleMib) * 1024) / count;
}

function perStream(memory: Memory): string {
  return `${rounded(kibPerStream(memory))} KiB`;
}

function mib({ fullMib }: Memory): string {
  return `${rounded(fullMib)} MiB`;
}

/** The hard limit: Node raises the soft one to it by itself. */
function openFilesLimit(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? Infinity : Number(limit);
}
