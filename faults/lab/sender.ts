// A client as they are: on a bad network, without patience, sending again what got no answer.
import { setTimeout as sleep } from 'node:timers/promises';

import { textsOf } from './answers.ts';
import type { Json } from './answers.ts';
import { createRunFollower } from './follow-run.ts';
import { createStreamFollower } from './follow-stream.ts';
import { isSettled } from './message.ts';
import type { Answer, Message } from './message.ts';
import type { SenderOptions } from './sender-options.ts';
import type { Server } from './server.ts';
import { createWitness } from './witness.ts';

/** A sender's ways with messages. */
export interface Sender {
  /** Sends it until it is settled, or until there is no time left. */
  deliver(message: Message, until: number): Promise<void>;
  /** Once more, whatever came of it. */
  sendAgain(message: Message): Promise<void>;
}

export function createSender(options: SenderOptions): Sender {
  const { cluster, checks, history, random, patienceMs } = options;
  const witness = createWitness(checks);
  const followStream = createStreamFollower(options, witness);
  const followRun = createRunFollower(options, witness);

  async function trySend(message: Message, server: Server): Promise<void> {
    message.firstSentAt = Math.min(message.firstSentAt, performance.now());
    const fields = { message: message.id, process: server.name };
    history.write({ what: 'send', ...fields, contact: message.contact, text: message.text });
    let answer: Answer;
    try {
      answer = await ways[message.by](message, server);
    } catch (error) {
      answer = { kind: 'lost', status: 0, code: nameOf(error) };
    }
    message.answers.push(answer);
    history.write({ what: 'answer', ...fields, run: message.runId, ...answer });
  }

  const ways: Record<Message['by'], (message: Message, server: Server) => Promise<Answer>> = {
    async chat(message, server) {
      const response = await post(server, '/api/v1/chat', message, bodyOf(message));
      return witness.json(message, response, (body) => ({
        kind: 'result',
        status: response.status,
        said: textsOf(body['assistant_messages']),
      }));
    },

    async background(message, server) {
      const path = `/api/v1/threads/${message.threadId ?? ''}/runs`;
      const response = await post(server, path, message, bodyOf(message));
      return witness.json(message, response, () => followRun(message));
    },

    async stream(message, server) {
      const body = { ...bodyOf(message), include: ['thread', 'delta', 'event'] };
      const response = await post(server, '/api/v1/chat/stream', message, body);
      const { status } = response;
      if (status === 200) return followStream(message, response);
      return witness.json(message, response, () => ({ kind: 'retry', status }));
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

  return {
    async deliver(message, until) {
      while (!isSettled(message) && performance.now() < until) {
        const server = cluster.pick(random);
        if (server) await trySend(message, server);
        if (!isSettled(message)) await sleep(random.between(20, 250));
      }
    },
    async sendAgain(message) {
      const server = cluster.pick(random);
      if (server) await trySend(message, server);
    },
  };
}

function bodyOf({ contact, text, onBusy }: Message): Json {
  return { contact_id: contact, message: text, on_busy: onBusy };
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name;
}
