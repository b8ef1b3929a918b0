import { createHash } from 'node:crypto';

import { JimsError } from '../errors/jims-error.ts';
import type { ContextJournal, StreamedMessage } from '../pipeline/context-journal.ts';
import { dataOf } from '../pipeline/message-body.ts';
import type { MessagePieces } from '../pipeline/message-part.ts';
import type {
  AskOptions,
  ContactAnswer,
  ServiceAnswer,
  ServiceQuestion,
} from '../pipeline/question.ts';
import type { StepNews, StepOptions, StepScope } from '../pipeline/step.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import type { ThreadLog } from '../pipeline/thread-log.ts';
import type { EntryOutcome, RunChain } from '../store/store.ts';
import { cleanJson } from '../text/clean-text.ts';
import { derivedId, derivedNumber } from '../thread/derived-id.ts';
import { ASSISTANT_MESSAGE, ASSISTANT_MESSAGE_WITH_BUTTONS, newEvent } from '../thread/event.ts';
import type { JsonObject } from '../thread/event.ts';
import { contactAnswer, serviceAnswer } from './answers.ts';
import { requireOutsideEntry } from './entry-scope.ts';
import type { JournalCall, Work, WorkResult } from './journal-call.ts';
import type { Journal } from './journal.ts';
import { KeptWork } from './kept-work.ts';
import { MessageStreams } from './message-streams.ts';
import type { QuestionRequest } from './new-question.ts';
import type { Replay } from './replay.ts';
import { doStep, failureFrom, keptValue, valueFrom } from './step-work.ts';

export interface ChainContextOptions {
  readonly journal: Journal;
  readonly replay: Replay;
  readonly kept: RunChain['kept'];
  readonly part: 'start' | 'main';
  /** The thread's log as it is now. */
  readonly log: ThreadLog;
  readonly output: ContextOutput;
  readonly signal: AbortSignal;
  /** Whether errors are kept one by one: then the pipeline gets what is kept of them, also the first time. */
  readonly isDurable: boolean;
  /** Why the pipeline may not ask anybody; `undefined` when it may. */
  readonly cannotAsk: string | undefined;
}

/** The part of a pipeline's context that is the same in each execution of its chain. */
export class ChainContext implements ContextJournal {
  readonly #options: ChainContextOptions;
  #messages: MessageStreams | undefined;
  #requests: Map<Work<unknown>, QuestionRequest> | undefined;
  #questions = 0;
  #numbers = 0;
  #log: ThreadLog | undefined;
  #segment = -1;

  constructor(options: ChainContextOptions) {
    this.#options = options;
  }

  /** The messages that the pipeline makes piece by piece. */
  get messages(): MessageStreams {
    this.#messages ??= this.#messageStreams();
    return this.#messages;
  }

  get chainId(): string {
    return this.#options.replay.chainId;
  }

  get chainVersion(): string | undefined {
    return this.#options.kept.version;
  }

  get log(): ThreadLog {
    const { journal, replay, log } = this.#options;
    if (this.#log && this.#segment === journal.segment) return this.#log;
    this.#segment = journal.segment;
    this.#log = replay.logAt(log, this.#segment);
    return this.#log;
  }

  now(): number {
    return this.#options.journal.newestAt;
  }

  random(): number {
    return derivedNumber(this.chainId, `${this.#options.part}/random/${this.#numbers++}`);
  }

  step<T>(
    name: string,
    work: (scope: StepScope) => T | Promise<T>,
    options: StepOptions,
  ): Promise<T> {
    requireOutsideEntry(`The step '${name}'`);
    const { journal, signal, output } = this.#options;
    const { title, input } = options;
    const id = `${name}/${journal.countOf('step', name) + 1}`;
    const tell = (news: Omit<StepNews, 'id' | 'name' | 'title'>): void =>
      output.step({ id, name, ...(title !== undefined && { title }), ...news });
    const status = statusTo(output);
    const kept = new KeptWork<T>({
      what: `the step '${name}'`,
      isKeptOnly: true,
      work(idempotencyKey) {
        tell({ status: 'running', ...(input !== undefined && { input }) });
        return doStep(work, options, { signal, idempotencyKey, status });
      },
    });
    return journal.call({
      kind: 'step',
      name,
      input: input === undefined ? undefined : digestOf(input),
      begin: kept.begin,
      read(outcome) {
        if (kept.isDone) tell(endOf(outcome));
        return kept.result(outcome);
      },
    });
  }

  stream(...message: Parameters<ContextJournal['stream']>): Promise<string> {
    return this.messages.send(...message);
  }

  async askContact<T>(
    question: string | MessagePieces,
    options: AskOptions<T>,
    stream: (pieces: MessagePieces, send: StreamedMessage['send']) => Promise<string>,
  ): Promise<ContactAnswer<T>> {
    const questionId = this.#newQuestionId();
    const { kept, output } = this.#options;
    const { buttons } = options;
    const type = buttons ? ASSISTANT_MESSAGE_WITH_BUTTONS : ASSISTANT_MESSAGE;
    const canAnswer = kept.canAnswer !== false;
    const asking = (data: JsonObject): JsonObject => ({
      ...data,
      ...(buttons && { buttons }),
      ...(canAnswer && { question_id: questionId }),
    });
    let text: string;
    if (typeof question === 'string') {
      text = question;
      output.event(newEvent(type, asking({ role: 'assistant', content: text })));
    } else {
      const send: StreamedMessage['send'] = (body, id) =>
        output.message(newEvent(type, asking(dataOf(body)), id));
      text = await stream(question, send);
    }
    const request: QuestionRequest = { audience: 'contact', questionId, text, options };
    const name = options.name ?? '';
    return this.#ask(name, canAnswer ? request : undefined, (_, event) =>
      contactAnswer(event, options),
    );
  }

  #messageStreams(): MessageStreams {
    const { kept, cannotAsk } = this.#options;
    const canAsk = kept.canAnswer !== false && cannotAsk === undefined;
    return new MessageStreams({
      ...this.#options,
      chainId: this.chainId,
      ask: canAsk ? (question, asking) => this.#askByButtons(question, asking) : undefined,
    });
  }

  #askByButtons(question: string, options: AskOptions): Promise<ContactAnswer> {
    return this.askContact(question, options, () => Promise.reject(new TypeError('It is text')));
  }

  askService<T>(question: ServiceQuestion<T>): Promise<ServiceAnswer<T>> {
    const questionId = this.#newQuestionId();
    const request: QuestionRequest = { audience: 'service', questionId, question };
    return this.#ask(question.name, request, (_, event) => serviceAnswer(event, question));
  }

  /** What the call that an execution ended with has asked. */
  requestOf(call: JournalCall): QuestionRequest {
    const request = this.#requests?.get(call.work);
    if (!request) throw new TypeError('The call does not ask');
    return request;
  }

  #newQuestionId(): string {
    const { cannotAsk } = this.#options;
    requireOutsideEntry('A question');
    if (cannotAsk !== undefined) throw new JimsError('cannot_ask', cannotAsk);
    return derivedId(this.chainId, `ask/${++this.#questions}`);
  }

  /** Without a request there is no way to answer, which is the result. */
  #ask<T>(name: string, request: QuestionRequest | undefined, read: Work<T>['read']): Promise<T> {
    const work = { kind: 'ask' as const, name, read, ...(!request && { begin: unavailable }) };
    if (request) (this.#requests ??= new Map()).set(work, request);
    return this.#options.journal.call(work);
  }
}

async function unavailable(): Promise<WorkResult> {
  return { outcome: keptValue('a question', { kind: 'unavailable' }) };
}

function statusTo(output: ContextOutput): (message: string) => void {
  return (message) => output.status({ message, statusType: 'status' });
}

function endOf(outcome: EntryOutcome): Pick<StepNews, 'status' | 'output' | 'error'> {
  if (outcome.kind === 'error') return { status: 'failed', error: failureFrom(outcome).message };
  const output = outcome.kind === 'value' ? valueFrom(outcome) : undefined;
  return { status: 'completed', ...(output !== undefined && { output }) };
}

function digestOf(input: unknown): string {
  return createHash('sha256').update(cleanJson(input)).digest('base64url').slice(0, 22);
}
