import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';

import type {
  AcceptRequest,
  AcceptedRun,
  ChainRecord,
  FinishResult,
  InstanceInfo,
  JournalEntry,
  KeptRun,
  NewQuestion,
  QuestionRecord,
  ReapRequest,
  ReapResult,
  RecoveredRun,
  RunOutcomeRecord,
  Store,
} from '../../src/store/store.ts';
import { newEvent } from '../../src/thread/event.ts';
import { newId } from '../../src/thread/new-id.ts';
import { withClient } from './postgres.ts';
import { answer } from './store-user.ts';
import type { StoreUser } from './store-user.ts';
import type { StoreUnderTest } from './stores.ts';

export const KEPT: KeptRun = {
  principal: { kind: 'contact', id: 'customer:1', contactId: 'customer:1' },
  version: 'v1',
  timeoutMs: 60_000,
  requestId: 'request 1',
  canAnswer: true,
};
export const DURABLE = { durable: KEPT } as const;
/** A message that answers the open question of its thread. */
export const OPEN: Partial<AcceptRequest> = { answer: { kind: 'open' } };
export const DURABLE_PROCESS: InstanceInfo = { version: 'v1', durable: true, draining: false };

/** The result of a step of a run. */
export function entryOf(
  run: AcceptedRun,
  seq: number,
  parts: Partial<JournalEntry> = {},
): JournalEntry {
  return {
    seq,
    part: 'main',
    kind: 'step',
    name: 'look up',
    nth: seq + 1,
    call: seq,
    outcome: { kind: 'value', json: `{"found":${seq}}` },
    at: 1_790_000_000_000 + seq,
    runId: run.runId,
    attempt: run.attempt,
    ...parts,
  };
}

/** A question to the contact, which any message answers. */
export function questionOf(run: AcceptedRun, parts: Partial<NewQuestion> = {}): NewQuestion {
  return {
    questionId: newId(),
    chainId: run.chain?.chainId ?? run.runId,
    audience: 'contact',
    ...(parts.audience === 'service' ? {} : { text: 'Sure?' }),
    accepts: ['comm.user_message', 'comm.user_button_click'],
    early: false,
    tell: false,
    expiresInMs: 3_600_000,
    kept: KEPT,
    config: run.thread.config,
    ...parts,
  };
}

/** Ends a run with a question, which is the entry `seq` of its chain. */
export async function ask(
  user: StoreUser,
  run: AcceptedRun,
  parts: Partial<NewQuestion> = {},
  seq = 0,
): Promise<NewQuestion & { readonly result: FinishResult }> {
  const question = questionOf(run, parts);
  const result = await user.store.finishRun(user.owner(run), askingEnd(run, question, seq));
  return { ...question, result };
}

/** The end of a run that asks. */
export function askingEnd(run: AcceptedRun, question: NewQuestion, seq = 0): RunOutcomeRecord {
  const { questionId, name = '', text } = question;
  const outcome = { kind: 'asked', questionId } as const;
  return {
    status: 'completed',
    events: text === undefined ? [] : [answer(text)],
    lastSeq: 1,
    entries: [entryOf(run, seq, { kind: 'ask', name, outcome })],
    question,
  };
}

/** A question to a service. */
export const TO_SERVICE: Partial<NewQuestion> = {
  audience: 'service',
  name: 'approve',
  accepts: ['jims.question_answered'],
};

/** How a service answers a question. */
export function byService(
  { thread }: AcceptedRun,
  { questionId }: Pick<NewQuestion, 'questionId'>,
): Partial<AcceptRequest> {
  return {
    thread: { kind: 'thread', threadId: thread.id },
    incoming: newEvent('jims.question_answered', { question_id: questionId, value: true }),
    answer: { kind: 'question', questionId, audience: 'service' },
  };
}

/** Takes all that a process may take, unless `options` say less. */
export function reap(user: StoreUser, options: Partial<ReapRequest> = {}): Promise<ReapResult> {
  const { instanceId } = user;
  return user.store.reapRuns({
    instanceId,
    recovers: 'all',
    places: 100,
    suspects: 100,
    version: 'v1',
    ...options,
  });
}

/** The one run that a process takes. */
export async function recoverOne(
  user: StoreUser,
  options: Partial<ReapRequest> = {},
): Promise<RecoveredRun> {
  const { recovered } = await reap(user, options);
  assert.equal(recovered.length, 1);
  const [run] = recovered;
  assert.ok(run);
  return run;
}

export async function chainOf(store: Store, chainId: string): Promise<ChainRecord> {
  const chain = await store.loadChain(chainId);
  assert.ok(chain);
  return chain;
}

export async function stateOf(
  store: Store,
  { questionId }: Pick<NewQuestion, 'questionId'>,
): Promise<Pick<QuestionRecord, 'state' | 'reason'>> {
  const question = await store.question(questionId);
  assert.ok(question);
  const { state, reason } = question;
  return { state, reason };
}

/** Lets the pauses before recoveries be over. */
export async function endPauses(kind: StoreUnderTest, url: string): Promise<void> {
  if (kind.name === 'postgres') {
    await withClient(url, (client) =>
      client.query(`UPDATE jims.runs SET retry_at = '2020-01-01Z' WHERE retry_at IS NOT NULL`),
    );
    return;
  }
  const db = new DatabaseSync(url.replace('sqlite:///', ''));
  db.exec('UPDATE jims_runs SET retry_at = 0 WHERE retry_at IS NOT NULL');
  db.close();
}
