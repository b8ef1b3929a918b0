// node bench/llm.ts: what a call through ctx.llm costs over a bare fetch of the same server, inside
// one run of a pipeline, and what loading costs. The server is a process of its own on this machine.
//
//   node bench/llm.ts --calls 1000
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { CALLS, CORE, COST, LLM, RUN, STREAMED_WORDS } from './llm-programs.ts';

const ROOT = join(import.meta.dirname, '..');
const FAKE = join(ROOT, 'packages/jims-core/test/support/fake-openai/fake-openai.mjs');
const STARTS = 9;

const { values } = parseArgs({ options: { calls: { type: 'string', default: '1000' } } });
const calls = Number(values.calls);

console.log('building');
execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
const folder = mkdtempSync(join(tmpdir(), 'jims-bench-'));
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
const fake = spawn(process.execPath, [FAKE, '--port', '0', '--cached', 'off'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const [line] = (await once(createInterface(fake.stdout), 'line')) as [string];
  const url = /http:\/\/[\d.:]+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`no address in: ${line}`);
  await measureCalls(`${url}/v1`);
  await measureStarts(`${url}/v1`);
} finally {
  fake.kill();
  rmSync(folder, { recursive: true });
}

/** Calls in turn, in an order drawn anew each time, so that none always follows the slow one. */
async function measureCalls(baseUrl: string): Promise<void> {
  const report = await programOutput('calls', CALLS, {
    OPENAI_BASE_URL: baseUrl,
    OPENAI_API_KEY: 'k',
    CALLS: String(calls),
  });
  const times: Record<string, number[]> = JSON.parse(report.text);
  console.log(`\n${calls} calls of each, in one run of one process; ms, median (p95)\n`);
  for (const [name, bare] of [
    ['completion', 'bare fetch'],
    ['stream', 'bare stream'],
  ] as const) {
    const ours = times[name] ?? [];
    const floor = times[bare] ?? [];
    const added = median(ours) - median(floor);
    const perToken =
      name === 'stream' ? `, ${shown((added / STREAMED_WORDS) * 1000)} µs a token` : '';
    console.log(`${name.padEnd(12)} ctx.llm ${spread(ours)}   ${bare} ${spread(floor)}`);
    console.log(`${''.padEnd(12)} added at the median: ${shown(added)} ms${perToken}`);
  }
}

/** Fresh processes, in turn: processor time, memory and, where a model is asked, the whole time. */
async function measureStarts(baseUrl: string): Promise<void> {
  const programs = {
    'Node alone': '',
    'jims-core': CORE,
    'jims-core, a run': RUN,
    'a run with ctx.llm': LLM,
  };
  const found = new Map<string, { cpu: number; rss: number; ms: number }[]>();
  for (let at = 0; at < STARTS; at++) {
    for (const [name, program] of Object.entries(programs)) {
      const env = { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: 'k' };
      const { text, ms } = await programOutput('start', `${program}\n${COST}`, env);
      const cost: { cpu: number; rss: number } = JSON.parse(text);
      found.set(name, [...(found.get(name) ?? []), { ...cost, ms }]);
    }
  }
  console.log(`\n${STARTS} starts of each; medians\n`);
  for (const [name, costs] of found) {
    const [cpu, rss, ms] = (['cpu', 'rss', 'ms'] as const).map((what) =>
      Math.round(median(costs.map((cost) => cost[what]))),
    );
    console.log(`${name.padEnd(20)} cpu ${cpu} ms, memory ${rss} MiB, to its end ${ms} ms`);
  }
}

async function programOutput(
  name: string,
  source: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly text: string; readonly ms: number }> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, source);
  const started = performance.now();
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a measured program ended with ${code}`);
  return { text, ms: performance.now() - started };
}

function spread(times: readonly number[]): string {
  return `${shown(median(times))} (${shown(quantile(times, 0.95))})`;
}

function median(times: readonly number[]): number {
  return quantile(times, 0.5);
}

function quantile(times: readonly number[], share: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? Number.NaN;
}

function shown(value: number): string {
  return value.toFixed(2);
}
