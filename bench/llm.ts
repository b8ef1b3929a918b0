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

const ROOT = join(import.meta.dirname, '..');
const FAKE = join(ROOT, 'packages/jims-core/test/support/fake-openai/fake-openai.mjs');
const WARM_UP = 50;
const STREAMED_WORDS = 200;
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

const COST = `
const { user, system } = process.cpuUsage();
const rss = process.memoryUsage().rss / 2 ** 20;
console.log(JSON.stringify({ cpu: (user + system) / 1000, rss }));
process.exit(0);`;

const CORE = `await import('jims-core');`;

function oneRun(pipeline: string): string {
  return `
const { defineApp, newEvent } = await import('jims-core');
const app = defineApp({ store: 'sqlite::memory:', pipeline: ${pipeline} });
const run = await app.startRun({
  thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
  incoming: newEvent('comm.user_message', { role: 'user', content: 'hello' }),
});
const end = await run.end;
if (end.type !== 'result') throw end.error;`;
}

const RUN = oneRun(`(ctx) => ctx.sendMessage('hi')`);
const LLM = oneRun(
  `async (ctx) => ctx.sendMessage((await ctx.llm.chatCompletionPlain(ctx.history)).content)`,
);

const CALLS = `${oneRun(`async (ctx) => {
  const address = process.env.OPENAI_BASE_URL + '/chat/completions';
  const headers = { 'content-type': 'application/json', authorization: 'Bearer k' };
  const short = ctx.history;
  const long = [{ role: 'user', content: '!say ' + 'word '.repeat(${STREAMED_WORDS}) }];
  const ask = (messages, more) => fetch(address, {
    method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4.1-mini', messages, ...more }),
  });
  const kinds = {
    'bare fetch': async () => (await (await ask(short)).json()).choices[0].message.content,
    completion: async () => (await ctx.llm.chatCompletionPlain(short)).content,
    'bare stream': async () => {
      const response = await ask(long, { stream: true, stream_options: { include_usage: true } });
      let text = '';
      let rest = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split('\\n');
        rest = lines.pop();
        for (const line of lines) {
          if (!line.startsWith('data: {')) continue;
          text += JSON.parse(line.slice(6)).choices[0]?.delta.content ?? '';
        }
      }
      return text;
    },
    stream: async () => {
      let text = '';
      for await (const piece of ctx.llm.stream(long)) text += piece;
      return text;
    },
  };
  const times = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let at = -${WARM_UP}; at < Number(process.env.CALLS); at++) {
    for (const name of Object.keys(kinds).sort(() => Math.random() - 0.5)) {
      const started = performance.now();
      const text = await kinds[name]();
      if (at >= 0) times[name].push(performance.now() - started);
      if (!text) throw new Error(name + ' gave nothing');
    }
  }
  console.log(JSON.stringify(times));
}`)}
process.exit(0);`;

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
