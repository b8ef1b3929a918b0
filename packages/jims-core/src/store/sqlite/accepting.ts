import type { NewEvent } from '../../thread/event.ts';
import type { Thread } from '../../thread/thread.ts';
import { RETRIED_CODES } from '../store.ts';
import type {
  AcceptRequest,
  AcceptResult,
  EventPosition,
  FreshEvents,
  RetryRequest,
  RetryResult,
  RunChain,
  RunThread,
  StartedRun,
} from '../store.ts';
import { AnswerRules } from './answering.ts';
import type { Answering } from './answering.ts';
import type { Asking } from './asking.ts';
import { storedTimeOf } from './log-reads.ts';
import type { KeyedRun } from './run-records.ts';
import type { DurableColumns } from './runs.ts';
import type { Tables } from './tables.ts';
import { existingThread, findTargetThread } from './target-thread.ts';
import type { FoundThread } from './target-thread.ts';
import type { ThreadLine } from './thread-line.ts';

/** How a run enters its thread: it runs at once, or waits in the queue. */
interface Entry {
  readonly status: 'queued' | 'running';
  /** The runs that were asked to stop for it. */
  readonly interrupted: readonly StartedRun[];
}

type EntryTerms = Pick<AcceptRequest, 'runId' | 'onBusy' | 'queueLimit'>;

/** How messages become runs. Call each method inside a transaction of its own. */
export class Accepting {
  readonly #tables: Tables;
  readonly #rules: AnswerRules;

  constructor(tables: Tables, line: ThreadLine, asking: Asking) {
    this.#tables = tables;
    this.#rules = new AnswerRules(tables, line, asking);
  }

  accept(request: AcceptRequest): AcceptResult {
    const { records } = this.#tables;
    const { idempotency, thread: target } = request;
    const keyed = idempotency && records.byKey(idempotency);
    if (keyed && keyed.fingerprint !== idempotency.fingerprint) return { kind: 'key_reused' };
    if (keyed?.lost) return this.#enterAgain(request, keyed);
    if (keyed) return { kind: 'existing', runId: keyed.runId };
    const refusal = this.#refusalOf(request);
    if (refusal) return refusal;
    const found = findTargetThread(this.#tables, target);
    if (found.kind !== 'found') return found;
    if (this.#hasMoved(target)) return { kind: 'thread_moved' };
    return this.#enter(request, found);
  }

  retry({ runId, instanceId }: RetryRequest): RetryResult {
    const { records, runs, durable, chains } = this.#tables;
    const record = records.byId(runId);
    if (!record) return { kind: 'run_not_found' };
    const { status, error } = record;
    const isRetried =
      record.durable && status === 'failed' && RETRIED_CODES.includes(error?.code ?? '');
    if (!isRetried) return { kind: 'not_retried', status };
    const isFree = runs.count(record.thread.id) === 0;
    durable.revive(runId, instanceId, isFree ? 'running' : 'queued');
    return chains.again(runId) ?? { kind: 'run_not_found' };
  }

  /** Why a message is refused before its thread is looked for, or made. */
  #refusalOf({ answer, thread, files }: AcceptRequest): AcceptResult | undefined {
    const refusal = answer?.kind === 'question' && this.#rules.refusalOf(answer, thread);
    if (refusal) return refusal;
    return files && !this.#hasFiles(files, thread) ? { kind: 'file_not_found' } : undefined;
  }

  /** Whether the contact of a thread has these files; a thread that is not there is another refusal. */
  #hasFiles(fileIds: readonly string[], target: RunThread): boolean {
    if (target.kind !== 'thread') return this.#tables.files.areOf(target.contactId, fileIds);
    const thread = existingThread(this.#tables, target);
    return !thread || this.#tables.files.areOf(thread.contactId ?? '', fileIds);
  }

  /** Whether a thread went on after the event that the request continues. */
  #hasMoved(target: RunThread): boolean {
    if (target.kind !== 'thread' || !target.after) return false;
    const { runs, log } = this.#tables;
    if (runs.count(target.threadId) > 0) return true;
    for (let from: EventPosition | undefined = target.after; from;) {
      const read = log.page(target.threadId, { after: from, domains: ['comm'], limit: 1 });
      if (read.events.length > 0) return true;
      from = read.more ? read.last : undefined;
    }
    return false;
  }

  #enter(request: AcceptRequest, found: FoundThread): AcceptResult {
    const { runId, incoming, holdIncomingOnNewThread } = request;
    const { thread, first } = found;
    const createdThread = first !== undefined;
    const answering = createdThread ? {} : this.#rules.of(request, thread.id);
    const entry = this.#entryFor(termsOf(request, answering), thread.id, createdThread);
    if ('kind' in entry) return entry;
    const status = this.#endQuestion(answering, thread.id) ?? entry.status;
    const isRunning = status === 'running';
    const isHeld = createdThread && holdIncomingOnNewThread;
    const stored = isRunning && !isHeld && incoming !== undefined;
    const durable = durableColumns(request, found, answering);
    const inserted = { threadId: thread.id, status, createdThread, stored, durable };
    this.#tables.runs.insert(request, inserted);
    if (request.files) this.#tables.files.name(request.files, thread.id, runId);
    const question = stored ? [{ ...incoming, id: runId }] : [];
    const fresh = isRunning ? this.#appendQuestion(request, found, question) : undefined;
    const chain = this.#answer(answering, runId, thread);
    const run = { runId, attempt: 1, createdThread, started: false };
    return {
      kind: 'accepted',
      ...run,
      ...entry,
      status,
      thread,
      ...(fresh && { fresh }),
      ...(chain && { chain }),
    };
  }

  /** Ends the question that the message is too late for, or declines; its chain goes on before the message. */
  #endQuestion({ ends }: Answering, threadId: string): 'queued' | undefined {
    if (!ends) return undefined;
    this.#rules.end(ends);
    return this.#tables.runs.count(threadId) > 0 ? 'queued' : undefined;
  }

  #answer({ answers }: Answering, runId: string, thread: Thread): RunChain | undefined {
    if (!answers) return undefined;
    const { chainId, questionId } = answers;
    this.#tables.questions.close(questionId, { state: 'answered', runId });
    return this.#tables.chains.chainOf(chainId, questionId, thread);
  }

  /** Runs the lost run of a key again: its question is in the log, unless its turn never came. */
  #enterAgain(request: AcceptRequest, lost: KeyedRun): AcceptResult {
    const { threads, runs, durable, chains } = this.#tables;
    const thread = threads.byId(lost.threadId);
    if (!thread) return { kind: 'thread_not_found' };
    const entry = this.#entryFor(request, thread.id, false);
    if ('kind' in entry) return entry;
    const { runId, createdThread, started } = lost;
    if (lost.durable) durable.revive(runId, request.instanceId, entry.status);
    else runs.revive(runId, request.instanceId, entry.status);
    const again = { runId, attempt: lost.attempt + 1, createdThread, started };
    const chain = lost.durable ? chains.again(runId)?.chain : undefined;
    return { kind: 'accepted', ...again, ...entry, thread, ...(chain && { chain }) };
  }

  #entryFor(
    { runId, onBusy, queueLimit }: EntryTerms,
    threadId: string,
    created: boolean,
  ): Entry | { readonly kind: 'thread_busy' | 'queue_full' } {
    const { runs } = this.#tables;
    const before = created ? 0 : runs.count(threadId);
    if (before === 0) return { status: 'running', interrupted: [] };
    if (onBusy === 'reject') return { kind: 'thread_busy' };
    const isFull = before > queueLimit && runs.countedInQueue(threadId) >= queueLimit;
    if (isFull) return { kind: 'queue_full' };
    const interrupted = onBusy === 'interrupt' ? runs.interruptedIn(threadId) : [];
    for (const run of interrupted) if (run.runId !== runId) runs.requestCancel(run.runId);
    return { status: 'queued', interrupted };
  }

  /** Appends the question, and returns what the caller does not have yet, unless that is too much. */
  #appendQuestion(
    { known }: AcceptRequest,
    { thread, first }: FoundThread,
    question: readonly NewEvent[],
  ): FreshEvents | undefined {
    const { events, log } = this.#tables;
    const after = known?.threadId === thread.id ? known.after : undefined;
    const missed = first ?? (after && log.fresh(thread.id, after));
    if (!missed) {
      events.append(thread.id, question);
      return undefined;
    }
    const newest = missed.at(-1) ?? after;
    const stored = events.appendAfter(
      newest && storedTimeOf(newest.createdAt),
      thread.id,
      question,
    );
    return { after, events: [...missed, ...stored] };
  }
}

/** The answer of a service is never refused: the service cannot know whether the contact writes. */
function termsOf({ runId, onBusy, queueLimit }: AcceptRequest, { answers }: Answering): EntryTerms {
  if (answers?.audience === 'service') return { runId, onBusy: 'queue', queueLimit: Infinity };
  return { runId, onBusy, queueLimit };
}

function durableColumns(
  { durable: kept }: AcceptRequest,
  { thread }: FoundThread,
  { answers }: Answering,
): DurableColumns | undefined {
  if (!answers) return kept && { kept, config: thread.config };
  const { chainId, questionId: continues, audience } = answers;
  return { chainId, continues, counted: audience === 'contact' };
}
