// What is promised of durable conversations, whatever happened to their processes.
import { DatabaseSync } from 'node:sqlite';

import { Client } from 'pg';

import type { ChainRecord, RunRecord } from '../../src/store/store.ts';
import type { Execution, DurableWorld } from './durable-world.ts';
import { eventsOf } from './store-user.ts';
import type { StoreUnderTest } from './stores.ts';

/** What a test does to a database behind the back of its store. */
export interface StoreClock extends AsyncDisposable {
  /** Ends the pauses before recoveries; and no run was recovered so often that it is given up. */
  endPauses(): Promise<void>;
  expire(questionId: string): Promise<void>;
  /** The runs of a thread, in the order in which they were accepted. */
  line(threadId: string): Promise<readonly string[]>;
}

export async function clockOf(kind: StoreUnderTest, url: string): Promise<StoreClock> {
  return kind.name === 'sqlite' ? sqliteClock(url) : postgresClock(url);
}

export async function checkPromises(
  world: DurableWorld,
  {
    threads,
    accepted,
    clock,
  }: {
    readonly threads: readonly string[];
    readonly accepted: ReadonlySet<string>;
    readonly clock: StoreClock;
  },
): Promise<void> {
  const runs: RunRecord[] = [];
  for (const threadId of threads) {
    const line = await clock.line(threadId);
    const events = await eventsOf(world.store, threadId);
    for (const runId of line) {
      const run = await world.store.run(runId);
      if (!run) continue;
      runs.push(run);
      const times = events.filter(({ id }) => id === runId).length;
      if (times > 1) world.violate('a message is in the log twice');
      if (times === 0) world.violate('a message is not in the log');
    }
    checkOrder(world, line);
  }
  for (const id of accepted) {
    if (!runs.some(({ runId }) => runId === id)) world.violate('an accepted run is gone');
  }
  for (const run of runs) checkRun(world, run);
  checkAnswers(world, runs);
  checkCalls(world);
  for (const chainId of new Set(runs.map((run) => run.chainId))) {
    const chain = await world.store.loadChain(chainId);
    if (chain) checkChain(world, chain, runs);
  }
}

function checkOrder(world: DurableWorld, line: readonly string[]): void {
  const begun = [...world.begun].filter((id) => line.includes(id));
  const expected = line.filter((id) => world.begun.has(id));
  if (begun.join() !== expected.join()) world.violate('runs began in another order');
}

function checkRun(world: DurableWorld, { status, error }: RunRecord): void {
  if (status === 'queued' || status === 'running') world.violate('a run is not over');
  if (status === 'failed') world.violate(`a run failed: ${error?.code} ${error?.message}`);
}

function checkAnswers(world: DurableWorld, runs: readonly RunRecord[]): void {
  for (const { question, thread } of runs) {
    if (!question) continue;
    const answers = runs.filter(({ continues }) => continues === question.questionId);
    if (answers.length > 1) world.violate('a question was answered twice');
    if (question.state === 'answered' && answers.length === 0) world.violate('an answer is gone');
    if (answers.some((run) => run.thread.id !== thread.id)) {
      world.violate('a question was answered from another thread');
    }
    if (question.state === 'open') world.violate('a question is open');
  }
}

function checkCalls({ effects, hasLostProcess, violations }: DurableWorld): void {
  const isTwice = [...effects.values()].some(({ calls }) => calls > 1);
  if (isTwice && !hasLostProcess) violations.add('work was done twice, and no process was lost');
}

/** The log of a chain is what its last execution sent; listeners have nothing else. */
function checkChain(world: DurableWorld, chain: ChainRecord, runs: readonly RunRecord[]): void {
  const ends = chain.runs.map(({ runId }) => runs.find((run) => run.runId === runId));
  const last = ends.at(-1);
  if (chain.entries.some(({ outcome }) => JSON.stringify(outcome).includes('AbortError'))) {
    world.violate('a stop was kept as a failure');
  }
  if (!last || ends.some((run) => run?.status !== 'completed')) return;
  const log = chain.runs.flatMap(({ events }) => events);
  const execution = lastExecution(world, last);
  const { sent = [], end } = execution ?? {};
  if (execution?.process.isLiving && end?.type !== 'result') {
    world.violate(`an end is stored, and listeners got another one: ${end?.type}`);
  }
  const texts = log.map(({ data }) => String(data['content']));
  const expected = last.question ? sent.slice(0, texts.length) : sent;
  if (texts.join() !== expected.join()) {
    world.violate('the log is not what the last execution sent');
  }
  const ids = new Set(log.map(({ id }) => id));
  if (ids.size !== log.length) world.violate('an event is in the log twice');
  const heard = [...(world.heard.get(chain.chainId) ?? [])];
  if (heard.some((id) => !ids.has(id))) world.violate('a client has a message that is not stored');
}

function lastExecution(
  { executions }: DurableWorld,
  { runId, instanceId }: RunRecord,
): Execution | undefined {
  return executions.findLast(
    (each) => each.runId === runId && each.process.instanceId === instanceId,
  );
}

async function sqliteClock(url: string): Promise<StoreClock> {
  const db = new DatabaseSync(url.replace('sqlite:///', ''));
  const hex = (id: string): string => id.replaceAll('-', '');
  const pauses = db.prepare(
    `UPDATE jims_runs SET retry_at = iif(retry_at IS NULL, NULL, 0), recoveries = min(recoveries, 4)
     WHERE status = 'running' AND (retry_at > 0 OR recoveries > 4)`,
  );
  const expire = db.prepare(
    `UPDATE jims_questions SET expires_at = '2020-01-01 00:00:00.000000' WHERE question_id = ?`,
  );
  const line = db.prepare('SELECT run_id FROM jims_runs WHERE thread_id = ? ORDER BY ticket');
  return {
    endPauses: async () => void pauses.run(),
    expire: async (questionId) => void expire.run(hex(questionId)),
    line: async (threadId) => line.all(hex(threadId)).map(({ run_id: id }) => dashed(String(id))),
    [Symbol.asyncDispose]: async () => db.close(),
  };
}

function dashed(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function postgresClock(url: string): Promise<StoreClock> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return {
    async endPauses() {
      await client.query(`UPDATE jims.runs
        SET retry_at = CASE WHEN retry_at IS NOT NULL THEN timestamptz '2020-01-01Z' END,
          recoveries = least(recoveries, 4)
        WHERE status = 'running' AND (retry_at > now() OR recoveries > 4)`);
    },
    async expire(questionId) {
      const expired = `UPDATE jims.questions SET expires_at = '2020-01-01Z' WHERE question_id = $1`;
      await client.query(expired, [questionId]);
    },
    async line(threadId) {
      const { rows } = await client.query<{ run_id: string }>(
        'SELECT run_id FROM jims.runs WHERE thread_id = $1 ORDER BY ticket',
        [threadId],
      );
      return rows.map(({ run_id: id }) => id);
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}
