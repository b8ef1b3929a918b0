// The people of a chain: a contact who begins it and answers its question, and those who answer for the service.
import { setTimeout as sleep } from 'node:timers/promises';

import { canaryOf } from '../check/canaries.ts';
import { asObject, codeOf, errorKind, textsOf } from './answers.ts';
import type { Json } from './answers.ts';
import { ask } from './ask.ts';
import type { Reply } from './ask.ts';
import type { Killer } from './chain-kills.ts';
import type { Cluster } from './cluster.ts';
import type { Lab } from './lab.ts';
import type { Random } from './random.ts';
import type { Server } from './server.ts';

/** A chain as its people know it. */
export interface Chain {
  readonly id: string;
  readonly contact: string;
  readonly hasKeys: boolean;
  readonly message: string;
  readonly answer: string;
  /** What was answered for the service, and which run went on then. */
  approval: { readonly value: string; readonly runId: string } | undefined;
  /** What its last run said. */
  said: readonly string[] | undefined;
}

export interface ChainClientOptions {
  readonly lab: Lab;
  readonly cluster: Cluster;
  readonly killer: Pick<Killer, 'sent'>;
  readonly random: Random;
  /** When everybody gives up. */
  readonly until: number;
}

interface Sending {
  readonly path: string;
  readonly body: object;
  readonly key: string;
  readonly onSent?: (server: Server) => void;
}

const PATIENCE_MS = 6000;
const NOT_ANSWERED = { fails: false, onBusy: 'queue' } as const;

export class ChainClient {
  readonly #options: ChainClientOptions;

  constructor(options: ChainClientOptions) {
    this.#options = options;
  }

  /** Begins a chain, answers its question, and waits for its end. */
  async converse(chain: Chain): Promise<void> {
    const { contact, id, message, answer } = chain;
    const { lab, killer } = this.#options;
    const waiting = await this.#deliver({
      path: '/api/v1/chat',
      body: { contact_id: contact, message },
      key: `${id}-message`,
      onSent: (server) => killer.sent(id, 'message', server),
    });
    const { id: questionId } = asObject(waiting?.['question']);
    lab.checks.that('question', waiting === undefined || typeof questionId === 'string', () => {
      return `the contact of ${id} was not asked: ${JSON.stringify(waiting)}`;
    });
    if (typeof questionId !== 'string') return;
    await this.#answerAs('stranger', questionId);
    const path = '/api/v1/chat';
    const body = { contact_id: contact, message: answer };
    const onSent = (server: Server): void => killer.sent(id, 'answer', server);
    await this.#deliver({ path, body, key: `${id}-answer`, onSent });
    await this.#waitForEnd(chain);
    // Nobody asks it any more.
    await this.#answerAs(contact, questionId);
  }

  /** Answers whatever is open, as one of several who do. */
  async approve(name: string, chains: ReadonlyMap<string, Chain>): Promise<void> {
    const { random, until, cluster } = this.#options;
    const hasEnded = (chain: Chain): boolean => chain.said !== undefined;
    while (performance.now() < until && ![...chains.values()].every(hasEnded)) {
      const path = '/api/v1/questions?audience=service&state=open&limit=20';
      const server = cluster.pick(random);
      const reply = server && (await ask(server, path, undefined, PATIENT).catch(() => undefined));
      const questions: unknown = reply?.body['questions'];
      for (const question of Array.isArray(questions) ? questions : []) {
        await this.#approveOne(name, asObject(question), chains);
      }
      await sleep(random.between(10, 60));
    }
  }

  async #approveOne(name: string, question: Json, chains: ReadonlyMap<string, Chain>) {
    const { lab, killer } = this.#options;
    const questionId = String(question['question_id']);
    const chain = chains.get(String(asObject(question['data'])['id']));
    if (!chain) return;
    const value = `approved-by-${name}`;
    const run = await this.#deliver({
      path: `/api/v1/questions/${questionId}/answer`,
      body: { value },
      key: `${name}-${questionId}`,
      onSent: (server) => killer.sent(chain.id, 'approval', server),
    });
    const runId = run?.['run_id'];
    if (typeof runId !== 'string') return;
    lab.checks.that('question', (chain.approval?.value ?? value) === value, () => {
      return `${value} was accepted for ${chain.id}, and ${chain.approval?.value} before`;
    });
    chain.approval = { value, runId };
  }

  async #waitForEnd(chain: Chain): Promise<void> {
    const { cluster, random, until, lab } = this.#options;
    while (performance.now() < until) {
      const server = cluster.pick(random);
      const path = `/api/v1/runs/${chain.approval?.runId ?? ''}?wait=3`;
      const reply =
        server &&
        chain.approval &&
        (await ask(server, path, undefined, PATIENT).catch(() => undefined));
      const status = reply?.body['status'];
      if (status === 'completed') {
        chain.said = textsOf(asObject(reply?.body['result'])['assistant_messages']);
        return;
      }
      lab.checks.that('durable', status !== 'failed' && status !== 'cancelled', () => {
        return `the last run of ${chain.id} has failed: ${reply?.text}`;
      });
      if (status === 'failed' || status === 'cancelled') return;
      await sleep(50);
    }
  }

  /** What must not be an answer. */
  async #answerAs(contact: string, questionId: string): Promise<void> {
    const { cluster, random, lab } = this.#options;
    const server = cluster.pick(random);
    const body = { contact_id: contact, message: 'not an answer', answers: questionId };
    const reply =
      server && (await ask(server, '/api/v1/chat', body, PATIENT).catch(() => undefined));
    if (!reply) return;
    const { status } = reply;
    lab.checks.that('question', status === 404 || status === 409 || status === 503, () => {
      return `${contact} got ${status} for an answer to ${questionId}: ${reply.text}`;
    });
  }

  /** Sends it until there is an answer; `undefined` when it was refused for good, or nobody answers. */
  async #deliver(sending: Sending): Promise<Json | undefined> {
    const { cluster, random, until } = this.#options;
    while (performance.now() < until) {
      const server = cluster.pick(random);
      const reply = server && (await this.#try(server, sending));
      if (reply && reply.status < 300) return reply.body;
      if (reply && this.#isFinal(sending, reply)) return undefined;
      await sleep(random.between(20, 150));
    }
    return undefined;
  }

  async #try(server: Server, { path, body, key, onSent }: Sending): Promise<Reply | undefined> {
    const { lab } = this.#options;
    const headers = { 'idempotency-key': key };
    lab.history.write({ what: 'send', process: server.name, path, key, body });
    const answered = ask(server, path, body, { ...PATIENT, headers });
    onSent?.(server);
    const reply = await answered.catch(() => undefined);
    lab.history.write({ what: 'answer', key, status: reply?.status, text: reply?.text });
    return reply;
  }

  #isFinal({ key }: Sending, { status, body, text }: Reply): boolean {
    const { lab } = this.#options;
    const code = codeOf(body);
    if (code === 'question_closed') return true;
    lab.checks.that('durable', code !== 'lost' && code !== 'cancelled', () => `${key} got ${text}`);
    const kind = errorKind(NOT_ANSWERED, status, code);
    lab.checks.that('answer', kind !== undefined, () => `${key} got ${status}: ${text}`);
    return kind !== 'retry';
  }
}

const PATIENT = { timeoutMs: PATIENCE_MS };

export function newChain(number: number, contact: string): Chain {
  const id = `k${number}`;
  const canary = canaryOf(contact);
  const hasKeys = number % 2 === 0;
  return {
    id,
    contact,
    hasKeys,
    message: `${id} ${canary} ${hasKeys ? 'chain' : 'bare'} 0`,
    answer: `yes-${id} ${canary}`,
    approval: undefined,
    said: undefined,
  };
}
