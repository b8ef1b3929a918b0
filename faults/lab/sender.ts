// A client as they are: on a bad network, without patience, sending again what got no answer.
import { setTimeout as sleep } from 'node:timers/promises';

import { liveFrames } from '../../packages/jims-api/test/support/live-frames.ts';
import type { Checks } from '../check/checks.ts';
import type { Cluster } from './cluster.ts';
import type { History } from './history.ts';
import { canaryOf, isSettled } from './message.ts';
import type { Answer, Message } from './message.ts';
import type { Random } from './random.ts';
import type { Server } from './server.ts';

export interface SenderOptions {
  readonly cluster: Pick<Cluster, 'pick'>;
  readonly checks: Checks;
  readonly history: History;
  readonly random: Random;
  /** How long a try may take at most before the client leaves and tries elsewhere. */
  readonly patienceMs: number;
  /** How likely a stream is left after a frame, to be joined again. */
  readonly cutChance?: number;
}

/** A sender's ways with messages. */
export interface Sender {
  /** Sends it until it is settled, or until there is no time left. */
  deliver(message: Message, until: number): Promise<void>;
  /** Once more, whatever came of it. */
  sendAgain(message: Message): Promise<void>;
}

const RETRY = new Set([
  'store_unavailable',
  'lost',
  'shutting_down',
  'overloaded',
  'too_many_streams',
]);
const CANARY = /canary-[\w-]+/g;

type Json = Readonly<Record<string, unknown>>;

export function createSender(options: SenderOptions): Sender {
  const { cluster, checks, history, random, patienceMs, cutChance = 0 } = options;

  async function deliver(message: Message, until: number): Promise<void> {
    while (!isSettled(message) && performance.now() < until) {
      const server = cluster.pick(random);
      if (server) await trySend(message, server);
      if (!isSettled(message)) await sleep(random.between(20, 250));
    }
  }

  async function trySend(message: Message, server: Server): Promise<void> {
    message.firstSentAt = Math.min(message.firstSentAt, performance.now());
    const told = { message: message.id, process: server.name };
    history.write({ what: 'send', ...told, contact: message.contact, text: message.text });
    let answer: Answer;
    try {
      answer = await ways[message.by](message, server);
    } catch (error) {
      answer = { kind: 'lost', status: 0, code: nameOf(error) };
    }
    message.answers.push(answer);
    history.write({ what: 'answer', ...told, run: message.runId, ...answer });
  }

  const ways: Record<Message['by'], (message: Message, server: Server) => Promise<Answer>> = {
    async chat(message, server) {
      const response = await post(server, '/api/v1/chat', message, bodyOf(message));
      return readJson(message, response, (body) => ({
        kind: 'result',
        status: response.status,
        said: textsOf(body['assistant_messages']),
      }));
    },

    async background(message, server) {
      const path = `/api/v1/threads/${message.threadId ?? ''}/runs`;
      const body = { message: message.text, contact_id: message.contact, on_busy: message.onBusy };
      const response = await post(server, path, message, body);
      return readJson(message, response, () => waitForEnd(message));
    },

    async stream(message, server) {
      const body = { ...bodyOf(message), include: ['thread', 'delta', 'event'] };
      const response = await post(server, '/api/v1/chat/stream', message, body);
      if (response.status !== 200) return readJson(message, response, unexpected(response));
      return readStream(message, response);
    },
  };

  function post(server: Server, path: string, message: Message, body: object): Promise<Response> {
    return fetch(server.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': message.key },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(random.between(patienceMs / 4, patienceMs)),
    });
  }

  async function readJson(
    message: Message,
    response: Response,
    onSuccess: (body: Json) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const text = await response.text();
    noOtherCanary(message.contact, text);
    accepted(message, response);
    const body: Json = text.startsWith('{') ? JSON.parse(text) : {};
    if (response.ok) {
      acknowledged(message);
      const replayed = response.headers.has('idempotency-replayed');
      return { ...(await onSuccess(body)), ...(replayed && { replayed }) };
    }
    return errorAnswer(message, response.status, codeOf(body), text);
  }

  /** What an answer that is no success means to its sender. */
  function errorAnswer(
    message: Message,
    status: number,
    code: string | undefined,
    text: string,
  ): Answer {
    const coded = code === undefined ? {} : { code };
    const kind = errorKind(message, status, code);
    checks.that('answer', kind !== undefined, () => {
      return `${message.id} (${message.text}) got ${status}: ${text.slice(0, 300)}`;
    });
    if (kind === 'failed' || kind === 'cancelled') acknowledged(message);
    return { kind: kind ?? 'retry', status, ...coded };
  }

  /** Follows the run of a stream to its end, over any number of cuts and processes. */
  async function readStream(message: Message, first: Response): Promise<Answer> {
    accepted(message, first);
    acknowledged(message);
    const seen = { last: 0, texts: new Map<string, string>() };
    const until = performance.now() + patienceMs * 2;
    let response: Response | undefined = first;
    while (performance.now() < until) {
      const answer: Answer | undefined = response && (await readFrames(message, response, seen));
      if (answer) return answer;
      response = await join(message, seen.last);
      if (!response) await sleep(100);
      if (response?.status === 503 || response?.status === 204) response = undefined;
      if (response && response.status !== 200) {
        return readJson(message, response, unexpected(response));
      }
    }
    return { kind: 'lost', status: 0, code: 'no end' };
  }

  /** Reads to the end of the run, or until the stream is cut; nothing then. */
  async function readFrames(
    message: Message,
    response: Response,
    seen: { last: number; texts: Map<string, string> },
  ): Promise<Answer | undefined> {
    await using frames = liveFrames(response);
    try {
      for (let frame = await frames.next(); frame; frame = await frames.next()) {
        noOtherCanary(message.contact, JSON.stringify(frame));
        const { event, data, id } = frame;
        if (id !== undefined) {
          checks.that('stream', Number(id) > seen.last, () => {
            return `${message.id}: frame ${id} came after ${seen.last}`;
          });
          seen.last = Number(id);
        }
        if (event === 'delta') {
          const about = String(data['message_id']);
          seen.texts.set(about, (seen.texts.get(about) ?? '') + String(data['delta']));
        }
        const end = endAnswer(message, event, data, seen.texts);
        if (end) return end;
        if (random.chance(cutChance)) return undefined;
      }
    } catch {
      // Cut off: it is joined again.
    }
    return undefined;
  }

  function endAnswer(
    message: Message,
    event: string,
    data: Json,
    texts: ReadonlyMap<string, string>,
  ): Answer | undefined {
    if (event === 'error') return errorAnswer(message, 500, codeOf(data), JSON.stringify(data));
    if (event !== 'result' && event !== 'cancelled') return undefined;
    const said = textsOf(data['assistant_messages']);
    if (event === 'cancelled') {
      const code = String(data['reason']);
      return { kind: code === 'shutting_down' ? 'retry' : 'cancelled', status: 200, code, said };
    }
    for (const text of texts.values()) {
      checks.that('stream', said.includes(text), () => {
        return `${message.id}: the deltas make '${text}', and the result has none such`;
      });
    }
    return { kind: 'result', status: 200, said };
  }

  async function join(message: Message, after: number): Promise<Response | undefined> {
    const server = cluster.pick(random);
    if (!server) return undefined;
    history.write({ what: 'join', message: message.id, process: server.name, after });
    return fetch(`${server.url}/api/v1/runs/${message.runId ?? ''}/stream`, {
      headers: { 'last-event-id': String(after) },
      signal: AbortSignal.timeout(patienceMs),
    }).catch(() => undefined);
  }

  /** Asks for a background run until it is over. */
  async function waitForEnd(message: Message): Promise<Answer> {
    const until = performance.now() + patienceMs * 2;
    while (performance.now() < until) {
      const server = cluster.pick(random);
      const run = server && (await lookAt(message, server).catch(() => undefined));
      const answer = run && answerOfRun(message, run);
      if (answer) return answer;
      await sleep(50);
    }
    return { kind: 'lost', status: 0, code: 'no end' };
  }

  async function lookAt(message: Message, server: Server): Promise<Json | undefined> {
    const response = await fetch(`${server.url}/api/v1/runs/${message.runId ?? ''}?wait=2`, {
      signal: AbortSignal.timeout(patienceMs),
    });
    const text = await response.text();
    noOtherCanary(message.contact, text);
    checks.that('answer', response.status === 200 || response.status === 503, () => {
      return `the run of ${message.id} got ${response.status}: ${text.slice(0, 300)}`;
    });
    return response.ok ? JSON.parse(text) : undefined;
  }

  function answerOfRun(message: Message, run: Json): Answer | undefined {
    const error = asObject(run['error']);
    const code = codeOf(error);
    const said = textsOf(asObject(run['result'])['assistant_messages']);
    switch (run['status']) {
      case 'completed':
        return { kind: 'result', status: 202, said };
      case 'failed':
        return errorAnswer(message, 500, code, JSON.stringify(run));
      case 'cancelled':
        return {
          kind: code === 'shutting_down' ? 'retry' : 'cancelled',
          status: 202,
          ...(code !== undefined && { code }),
          said,
        };
      default:
        return undefined;
    }
  }

  function unexpected(response: Response): () => Answer {
    return () => ({ kind: 'retry', status: response.status });
  }

  function acknowledged(message: Message): void {
    message.ackedAt ??= performance.now();
  }

  function accepted(message: Message, { headers }: Response): void {
    const [runId, threadId] = [headers.get('x-jims-run-id'), headers.get('x-jims-thread-id')];
    if (runId === null || threadId === null) return;
    checks.that('I6', message.runId === undefined || message.runId === runId, () => {
      return `${message.id} has two runs for one key: ${message.runId} and ${runId}`;
    });
    message.runId = runId;
    message.threadId = threadId;
  }

  function noOtherCanary(contact: string, text: string): void {
    const found = text.match(CANARY) ?? [];
    const other = found.find((each) => each !== canaryOf(contact));
    checks.that('I9', other === undefined, () => `${contact} was shown ${other}: ${text}`);
  }

  return {
    deliver,
    async sendAgain(message) {
      const server = cluster.pick(random);
      if (server) await trySend(message, server);
    },
  };
}

function bodyOf({ contact, text, onBusy }: Message): Json {
  return { contact_id: contact, message: text, on_busy: onBusy };
}

function errorKind(
  message: Message,
  status: number,
  code: string | undefined,
): Answer['kind'] | undefined {
  if (code !== undefined && RETRY.has(code)) return 'retry';
  // Of a connection that was opened while the process stood still.
  if (status === 408) return 'retry';
  switch (code) {
    case 'cancelled':
    case 'interrupted':
      return 'cancelled';
    case 'thread_busy':
      return message.onBusy === 'reject' ? 'refused' : undefined;
    case 'queue_full':
      return 'refused';
    case 'deadline':
      return 'failed';
    case 'pipeline_failed':
    case undefined:
      return message.fails && status === 500 ? 'failed' : undefined;
    default:
      return undefined;
  }
}

function codeOf(body: Json): string | undefined {
  const code = body['code'];
  return typeof code === 'string' ? code : undefined;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name;
}
