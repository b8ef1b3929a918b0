// What must be so after any scenario, whatever was done to the processes.
import { existsSync, readFileSync } from 'node:fs';

import type { Message } from '../lab/message.ts';
import type { Checks } from './checks.ts';
import { bare } from './facts.ts';
import type { Facts, RunFact, ThreadFact } from './facts.ts';

export interface CheckOptions {
  /** False when clocks jumped: times then say nothing about what was before what. */
  readonly timesAreTrue?: boolean;
  /** Where `app.ts` wrote down which runs it began. */
  readonly executions?: string;
  /** Questions that were put into the log by others than these messages' runs. */
  readonly allowStrangers?: boolean;
}

/** Compares the answers that senders got with what is stored. */
export function checkInvariants(
  checks: Checks,
  messages: readonly Message[],
  facts: Facts,
  { timesAreTrue = true, allowStrangers = false, executions }: CheckOptions = {},
): void {
  const runsByKey = Map.groupBy(facts.runs, (run) => run.key ?? '');
  const runsOf = Map.groupBy(facts.runs, (run) => run.threadId);
  const threads = new Map(facts.threads.map((thread) => [thread.threadId, thread]));
  for (const message of messages) {
    const runs = runsByKey.get(message.key) ?? [];
    checks.that('I6', runs.length <= 1, () => `${message.id} has ${runs.length} runs`);
    checkKept(checks, message, runs[0], threads);
    checkAnswers(checks, message, runs[0], threads);
  }
  if (executions !== undefined) checkExecutions(checks, executions, facts.runs);
  for (const thread of facts.threads) {
    const runs = runsOf.get(thread.threadId) ?? [];
    checkOneAtATime(checks, thread, runs, timesAreTrue);
    checkLog(checks, thread, runs);
    checkOrder(checks, thread, messages);
    if (!allowStrangers) checkNoStrangers(checks, thread, runs);
  }
}

/** A pipeline is started once for each attempt, wherever its run came to in the meantime. */
function checkExecutions(checks: Checks, file: string, runs: readonly RunFact[]): void {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const starts = Map.groupBy(lines, bare);
  for (const { runId, attempt } of runs) {
    const times = starts.get(runId)?.length ?? 0;
    checks.that('once', times <= attempt, () => {
      return `run ${runId} had ${attempt} attempts, and its pipeline was started ${times} times`;
    });
  }
}

/** I1: what was acknowledged has a run, and its question is in the log exactly once. */
function checkKept(
  checks: Checks,
  message: Message,
  run: RunFact | undefined,
  threads: ReadonlyMap<string, ThreadFact>,
): void {
  const places = (threads.get(run?.threadId ?? '')?.events ?? []).filter(
    (event) => event.type === 'comm.user_message' && event.content === message.text,
  ).length;
  if (message.ackedAt !== undefined) {
    checks.that('I1', run !== undefined, () => `${message.id} was acknowledged and has no run`);
  }
  if (!run) return;
  checks.that('I1', places === 1, () => {
    return `the question of ${message.id} is ${places} times in the log (run ${run.status})`;
  });
  checks.that('I7', run.status !== 'queued' && run.status !== 'running', () => {
    return `the run of ${message.id} is still ${run.status}`;
  });
}

/** I3 and I6: all answers to a message are the one that is stored. */
function checkAnswers(
  checks: Checks,
  message: Message,
  run: RunFact | undefined,
  threads: ReadonlyMap<string, ThreadFact>,
): void {
  const ends = message.answers.filter(({ kind }) => kind === 'result' || kind === 'cancelled');
  const kinds = new Set(
    message.answers.map(({ kind }) => kind).filter((kind) => kind !== 'lost' && kind !== 'retry'),
  );
  kinds.delete('refused');
  checks.that('I6', kinds.size <= 1, () => {
    return `${message.id} got different answers: ${[...kinds].join(', ')}`;
  });
  for (const { kind, said } of ends) {
    const status = kind === 'result' ? 'completed' : 'cancelled';
    checks.that('I3', run?.status === status, () => {
      return `${message.id} got ${kind}, and its run is ${run?.status} (${run?.code})`;
    });
    if (said === undefined || !run) continue;
    const stored = saidBy(run, threads.get(run.threadId));
    checks.that('I3', JSON.stringify(said) === JSON.stringify(stored), () => {
      return `${message.id} got ${JSON.stringify(said)}, and stored is ${JSON.stringify(stored)}`;
    });
  }
}

function saidBy({ outputIds }: RunFact, thread: ThreadFact | undefined): readonly string[] {
  return (thread?.events ?? [])
    .filter(({ eventId, type }) => outputIds.includes(eventId) && type === 'comm.assistant_message')
    .map(({ content }) => content);
}

/** I2: the runs of a thread do not overlap. */
function checkOneAtATime(
  checks: Checks,
  thread: ThreadFact,
  runs: readonly RunFact[],
  timesAreTrue: boolean,
): void {
  const running = runs.filter(({ status }) => status === 'running').length;
  checks.that('I2', running <= 1, () => `${running} runs of thread ${thread.threadId} run at once`);
  if (!timesAreTrue) return;
  const ran = runs
    .filter(({ startedAt, finishedAt }) => startedAt !== null && finishedAt !== null)
    .toSorted((a, b) => compare(a.startedAt ?? '', b.startedAt ?? ''));
  for (const [index, run] of ran.slice(1).entries()) {
    const before = ran[index];
    checks.that('I2', (before?.finishedAt ?? '') <= (run.startedAt ?? ''), () => {
      return `runs ${before?.runId} (to ${before?.finishedAt}) and ${run.runId} (from ${run.startedAt}) overlap`;
    });
  }
}

/** I3, I4: a run's output is in the log once, whole, in one piece, right after its question. */
function checkLog(checks: Checks, thread: ThreadFact, runs: readonly RunFact[]): void {
  const places = new Map(thread.events.map(({ eventId }, place) => [eventId, place]));
  for (const run of runs) {
    if (run.status === 'failed') {
      checks.that('I3', run.outputIds.length === 0, () => `failed run ${run.runId} has output`);
      continue;
    }
    const { outputIds, runId } = run;
    const at = outputIds.map((id) => places.get(id) ?? -1);
    checks.that('I3', !at.includes(-1), () => `output of run ${runId} is missing in the log`);
    const first = at[0];
    if (first === undefined) continue;
    const inOnePiece = at.every((place, index) => place === first + index);
    checks.that('I4', inOnePiece, () => `the output of run ${runId} is not in one piece`);
    if (run.attempt > 1) continue;
    checks.that('I4', places.get(run.questionId) === first - 1, () => {
      return `between the question and the answer of run ${runId} is something else`;
    });
  }
}

/** I5: a message that was sent after another was acknowledged comes after it. I8: the order is total, and Python's. */
function checkOrder(checks: Checks, thread: ThreadFact, messages: readonly Message[]): void {
  const ours = thread.events.map(({ eventId }) => eventId);
  checks.that('I8', JSON.stringify(ours) === JSON.stringify(thread.byTimeAlone), () => {
    return `thread ${thread.threadId} is in another order by created_at alone`;
  });
  for (const [index, event] of thread.events.slice(1).entries()) {
    const before = thread.events[index];
    checks.that('I8', event.createdAt > (before?.createdAt ?? ''), () => {
      return `event ${event.eventId} is not later than the one before it (${event.createdAt})`;
    });
  }
  const placeOf = new Map(thread.events.map(({ content }, place) => [content, place]));
  const mine = messages
    .filter(({ threadId, text }) => bare(threadId ?? '') === thread.threadId && placeOf.has(text))
    .toSorted((a, b) => (placeOf.get(a.text) ?? 0) - (placeOf.get(b.text) ?? 0));
  // From the last to the first: nobody may have been acknowledged before an earlier one was sent.
  let earliestAck: Message | undefined;
  for (const message of mine.toReversed()) {
    if (earliestAck?.ackedAt !== undefined) {
      const acked = earliestAck;
      checks.that('I5', message.firstSentAt <= (acked.ackedAt ?? 0), () => {
        return `${acked.id} was acknowledged before ${message.id} was sent, and comes after it`;
      });
    }
    if ((message.ackedAt ?? Infinity) < (earliestAck?.ackedAt ?? Infinity)) earliestAck = message;
  }
}

/** I3: every event in the log belongs to a run: nothing was written by a process that had no right to. */
function checkNoStrangers(checks: Checks, thread: ThreadFact, runs: readonly RunFact[]): void {
  const known = new Set(runs.flatMap(({ questionId, outputIds }) => [questionId, ...outputIds]));
  for (const { eventId, type, content } of thread.events) {
    if (type.startsWith('jims.lifecycle.')) continue;
    checks.that('I3', known.has(eventId), () => `${type} '${content}' belongs to no run's outcome`);
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
