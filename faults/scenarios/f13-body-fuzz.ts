import { FRAMING_TRICKS } from '../fuzz/framing-tricks.ts';
import { mutateBody } from '../fuzz/mutate-body.ts';
import { validRequests } from '../fuzz/valid-requests.ts';
import type { ValidRequest } from '../fuzz/valid-requests.ts';
import { only } from '../lab/ask.ts';
import { freshDatabase, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import { sendRaw } from '../lab/raw-socket.ts';
import type { Server } from '../lab/server.ts';

const AT_ONCE = 16;
const LEG = 5000;
/** On a slow machine there are fewer bodies. */
const MOST_MS = 180_000;
const MIB = 1024 * 1024;
const MOST_OF_AN_ERROR = 16 * 1024;
/** In all of the short form, or in the second half of the long one. */
const GROWTH_BYTES = 300 * MIB;
/** Of a stack trace, a file, a database, or an error that was not expected; also inside a 200. */
const TELLTALE =
  /\n? {4}at |node:internal|\.ts:\d|\/(?:packages|node_modules|tmp|work)\/|SQLITE|sqlite3?:|Internal Server Error|Pipeline error|-32603|(?:Type|Range|Syntax|Reference)Error/;

/** F13: bodies and requests that no client would send. */
export const bodyFuzz: Scenario = {
  id: 'F13',
  about: 'bodies with something wrong on every protocol, and requests that are no HTTP',
  async run(lab) {
    const { checks } = lab;
    const db = await freshDatabase(lab, 'SQLite');
    await using cluster = await startProcesses(lab, { db, size: 1, args: ['--run-timeout', '5'] });
    const server = only(cluster.at(0));
    const valid = validRequests(await newThread(server, 'fuzz'));
    const alive = async (when: string): Promise<void> => {
      for (const request of valid) {
        const { status, text } = await send(server, request, JSON.stringify(request.body));
        const isAnswered = status >= 200 && status < 300 && !TELLTALE.test(text);
        checks.that('I12', isAnswered, () => `${when}, ${request.path} got ${status}: ${text}`);
      }
    };
    await alive('at first');
    const before = server.rssBytes();
    const from = performance.now();
    const statuses = new Map<number, number>();
    const until = from + MOST_MS;
    const sizes: number[] = [];
    for (let leg = 0; leg < (lab.isLong ? 20 : 1) && performance.now() < until; leg++) {
      // In threads of their own, as a thread that only grows would look like a leak.
      const contact = `fuzz-${leg}`;
      const requests = validRequests(await newThread(server, contact), contact);
      await fuzz(lab, server, requests, statuses);
      sizes.push(server.rssBytes());
    }
    const seconds = (performance.now() - from) / 1000;
    await playTricks(lab, server);
    await sendTooMuch(lab, server);
    await alive('after all');
    const after = server.rssBytes();
    const grown = after - before;
    // What is kept of a run, and a lazy heap, fill up at first; then there is nothing more to grow.
    const late = after - (lab.isLong ? (sizes[Math.floor(sizes.length / 2)] ?? 0) : before);
    checks.that('I11', late < GROWTH_BYTES, () => {
      return `the process grew by ${Math.round(late / MIB)} MiB, in all by ${Math.round(grown / MIB)}`;
    });
    const sent = [...statuses.values()].reduce((sum, count) => sum + count, 0);
    lab.figure('bodies', sent);
    lab.figure('per second', Math.round(sent / seconds));
    for (const [status, count] of [...statuses].toSorted(([a], [b]) => a - b))
      lab.figure(String(status), count);
    lab.figure('tricks', FRAMING_TRICKS.length);
    lab.figure('grown MiB', Math.round(grown / MIB));
    if (lab.isLong) lab.figure('in the second half MiB', Math.round(late / MIB));
    await cluster.stopAll();
  },
};

async function fuzz(
  { checks, history, random }: Lab,
  server: Server,
  valid: readonly ValidRequest[],
  statuses: Map<number, number>,
): Promise<void> {
  let left = LEG;
  async function work(): Promise<void> {
    while (left-- > 0) {
      const request = random.pick(valid);
      const bytes = mutateBody(request.body, random);
      const { status, text } = await send(server, request, bytes);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const sent = (): string => Buffer.from(bytes.subarray(0, 400)).toString('latin1');
      const isRefusal = status >= 200 && status < 500;
      const isSilent = !TELLTALE.test(text);
      checks.that('I12', isRefusal, () => `${request.path} got ${status}: ${text}\n${sent()}`);
      checks.that('I12', isSilent, () => {
        return `${request.path} (${status}) said too much: ${text.slice(0, 400)}\n${sent()}`;
      });
      if (isRefusal && isSilent) continue;
      const whole = Buffer.from(bytes).toString('base64').slice(0, 20_000);
      history.write({ path: request.path, status, answer: text.slice(0, 2000), sent: whole });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function playTricks({ checks, history, isLong }: Lab, server: Server): Promise<void> {
  for (let round = 0; round < (isLong ? 10 : 1); round++) {
    await Promise.all(
      FRAMING_TRICKS.map(async ({ name, pieces }) => {
        const text = await sendRaw(server.url, pieces, { waitMs: 1000 });
        history.write({ trick: name, answer: text.slice(0, 500) });
        const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) =>
          Number(status),
        );
        checks.that(
          'I12',
          statuses.every((status) => status < 500),
          () => {
            return `'${name}' got ${statuses.join(', ')}: ${text.slice(0, 400)}`;
          },
        );
        checks.that('I12', !TELLTALE.test(text), () => {
          return `'${name}' was told too much: ${text.slice(0, 600)}`;
        });
      }),
    );
  }
}

/** Bodies with more of something than may be: each is refused, in few words. */
async function sendTooMuch({ checks }: Lab, server: Server): Promise<void> {
  const chat = '/v1/chat/completions';
  const many = (length: number, message: object): object => ({
    messages: Array.from({ length }, () => message),
  });
  const wrong = Array.from({ length: 100 }, () => 'x'.repeat(2000));
  for (const { path, body } of [
    { path: chat, body: many(10_000, { role: 'user', content: 'x' }) },
    { path: '/ag-ui', body: { threadId: 't', runId: 'r', messages: wrong } },
    { path: chat, body: many(300_000, {}) },
    { path: '/api/v1/chat', body: { include: Array.from({ length: 500_000 }, () => 0) } },
    { path: '/v1/responses', body: { input: 'x', conversation: 'x'.repeat(100_000) } },
    { path: '/deep-chat', body: { messages: [{ text: 'x'.repeat(1_000_000) }] } },
  ]) {
    const { status, text } = await send(server, { path, body }, JSON.stringify(body));
    const isShort = text.length < MOST_OF_AN_ERROR;
    checks.that('I12', status >= 400 && status < 500 && isShort, () => {
      return `too much for ${path} got ${status} and ${text.length} characters`;
    });
  }
}

async function newThread(server: Server, contact: string): Promise<string> {
  const request = { path: '/api/v1/threads', body: { contact_id: contact } };
  const { text } = await send(server, request, JSON.stringify(request.body));
  const threadId = /"thread_id": ?"([^"]+)"/.exec(text)?.[1];
  if (threadId === undefined) throw new Error(`No thread: ${text}`);
  return threadId;
}

async function send(
  server: Server,
  { path, headers }: ValidRequest,
  body: string | Uint8Array,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: Buffer.from(body),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: 0, text: String(error instanceof Error ? (error.cause ?? error) : error) };
  }
}
