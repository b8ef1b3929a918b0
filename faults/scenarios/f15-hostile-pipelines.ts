import { isForged, readSse } from '../check/sse-frames.ts';
import { validRequests } from '../fuzz/valid-requests.ts';
import { only } from '../lab/ask.ts';
import { endure } from '../lab/endure.ts';
import { contactNames, freshDatabase, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import type { Server } from '../lab/server.ts';
import { FORGED_TEXT, ODDITY_COUNT } from '../misdeeds.ts';

/** What a hostile pipeline does, and what its own client must get for it. */
const HOSTILE: readonly (readonly [command: string, ...statuses: number[]])[] = [
  ['throw 0', 500],
  ['late-throw 100', 500],
  ['float 0', 500],
  ['timer 0', 500],
  ...Array.from({ length: ODDITY_COUNT }, (_, which) => [`odd ${which}`, 500] as const),
  ...Array.from({ length: ODDITY_COUNT }, (_, which) => [`float-odd ${which}`, 500] as const),
  ['float-late 300', 200],
  ['timer-late 300', 200],
  ['after 300', 200],
  ['broken-text 0', 500],
  ['block 2000', 200],
  ['big 50', 500],
  // On a slow machine the time is over before the limit is reached, or before it is passed.
  ['flood 50', 500, 504],
  ['endless 0', 500, 504],
  ['stubborn 1500', 200, 500],
  ['forge 0', 200],
  ['deaf 30000', 504],
  ['never 0', 504],
];
const PIPELINE_FAILED = /^Pipeline error \(request [\w-]+\)$/;
const MIB = 1024 * 1024;
/** Two runs at their limit of 32 MiB, each with its text in several forms, and a lazy heap. */
const GROWTH_BYTES = 800 * MIB;

/** F15: pipelines that do what they must not, beside others that must not notice. */
export const hostilePipelines: Scenario = {
  id: 'F15',
  about: 'pipelines throw, float, block, never end, send without end and forge frames',
  async run(lab) {
    const { checks } = lab;
    const db = await freshDatabase(lab, 'SQLite');
    const args = ['--run-timeout', '10'];
    await using cluster = await startProcesses(lab, { db, size: 1, args });
    const server = only(cluster.at(0));
    const before = server.rssBytes();
    let highest = before;
    const watch = setInterval(() => (highest = Math.max(highest, server.rssBytes())), 100);
    const until = performance.now() + (lab.isLong ? 120_000 : 8000);
    const { messages } = await endure(lab, {
      cluster,
      db,
      talk: {
        contacts: contactNames(8),
        devices: 1,
        until,
        settleMs: 20_000,
        patienceMs: 40_000,
        pauseMs: 50,
        by: [
          [1, 'chat'],
          [1, 'stream'],
        ],
        commands: [
          [3, ['echo', 0, 50]],
          [2, ['stream', 1, 20]],
        ],
      },
      meanwhile: [beHostile(lab, server, until).finally(() => clearInterval(watch))],
      allowStrangers: true,
    });
    const failed = messages.filter(({ answers }) => answers.at(-1)?.kind !== 'result');
    checks.that('answer', failed.length === 0, () => {
      return `${failed.length} of the others were not answered: ${JSON.stringify(failed[0])}`;
    });
    const grown = highest - before;
    checks.that('I11', grown < GROWTH_BYTES, () => `it grew by ${Math.round(grown / MIB)} MiB`);
    lab.figure('grown MiB', Math.round(grown / MIB));
  },
};

/** Rounds of all misdeeds at once, as JSON and as a stream. */
async function beHostile(lab: Lab, server: Server, until: number): Promise<void> {
  let round = 0;
  do {
    await Promise.all([
      ...HOSTILE.map(([command, ...statuses], which) => {
        const attempt = { command, statuses, contact: `h${which}` };
        return which % 2 === round % 2
          ? tryChat(lab, server, attempt)
          : tryStream(lab, server, attempt);
      }),
      ...(round === 0 ? [forgeEverywhere(lab, server)] : []),
    ]);
    round++;
  } while (performance.now() < until);
  lab.figure('hostile runs', round * HOSTILE.length);
}

interface Attempt {
  readonly command: string;
  /** Those that are right. */
  readonly statuses: readonly number[];
  readonly contact: string;
}

async function tryChat(
  { checks, history }: Lab,
  server: Server,
  { command, statuses, contact }: Attempt,
): Promise<void> {
  const { status, text } = await post(server, '/api/v1/chat', bodyOf(command, contact));
  history.write({ hostile: command, status, answer: text.slice(0, 500) });
  checks.that('answer', statuses.includes(status), () => {
    return `'${command}' got ${status}, not ${statuses.join(' or ')}: ${text.slice(0, 300)}`;
  });
  const body: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  if (status === 500) checkError(checks, command, body);
  if (!command.startsWith('forge')) return;
  const said =
    typeof body === 'object' && body && 'assistant_messages' in body && body.assistant_messages;
  checks.that(
    'I3',
    Array.isArray(said) && said[0] === FORGED_TEXT && said[1] === FORGED_TEXT,
    () => {
      return `what was said came back as ${JSON.stringify(said)}`;
    },
  );
}

async function tryStream(
  { checks, history }: Lab,
  server: Server,
  { command, statuses, contact }: Attempt,
): Promise<void> {
  const body = { ...bodyOf(command, contact), include: ['delta', 'event'] };
  const { text } = await post(server, '/api/v1/chat/stream', body);
  const frames = readSse(text);
  const ends = frames.filter(({ event }) => event === 'result' || event === 'error');
  const last = frames.at(-1);
  history.write({ hostile: command, frames: frames.length, end: last?.data.slice(0, 500) });
  const expected = statuses.map((status) => (status === 200 ? 'result' : 'error'));
  checks.that('stream', ends.length === 1 && expected.some((end) => end === last?.event), () => {
    return `the stream of '${command}' has ${ends.length} ends, the last is ${last?.event}: ${last?.data.slice(0, 300)}`;
  });
  checks.that('stream', !frames.some(isForged), () => `'${command}' forged a frame`);
  if (last?.event === 'error' && !last.data.includes('"deadline"')) {
    checkError(checks, command, JSON.parse(last.data));
  }
}

/** I12: the client that caused it learns that it failed, and nothing of the error. */
function checkError(checks: Lab['checks'], command: string, body: unknown): void {
  const detail = typeof body === 'object' && body && 'detail' in body ? String(body.detail) : '';
  checks.that('I12', PIPELINE_FAILED.test(detail), () => `'${command}' got '${detail}'`);
}

/** The same text through every stream that there is. */
async function forgeEverywhere({ checks }: Lab, server: Server): Promise<void> {
  const requests = validRequests('').filter(({ path }) => !path.includes('/threads'));
  await Promise.all(
    requests.map(async ({ path, body, headers }) => {
      const sent = JSON.stringify({ ...body, ...(path === '/v1/responses' && { stream: true }) })
        .replaceAll('echo 0', 'forge 0')
        .replaceAll('"thread_id":"",', '')
        .replaceAll(',"thread_id":""', '');
      const { status, text, type } = await post(server, path, sent, headers);
      checks.that('stream', status === 200, () => `${path} got ${status}: ${text.slice(0, 300)}`);
      if (!type.includes('event-stream')) return;
      const forged = readSse(text).find(isForged);
      checks.that('stream', forged === undefined, () => {
        return `${path} has a forged frame: ${forged?.event} ${forged?.data.slice(0, 200)}`;
      });
    }),
  );
}

function bodyOf(command: string, contact: string): object {
  return { contact_id: contact, message: `m0 canary-${contact} ${command}` };
}

async function post(
  server: Server,
  path: string,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly text: string; readonly type: string }> {
  try {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(40_000),
    });
    const type = response.headers.get('content-type') ?? '';
    const text = await response.text();
    // Of a connection that was opened while the process was blocked: ask again.
    if (response.status === 408) return await post(server, path, body, headers);
    return { status: response.status, text, type };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    return { status: 0, text: String(cause), type: '' };
  }
}
