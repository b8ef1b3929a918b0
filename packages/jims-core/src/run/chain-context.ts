import { createHash } from 'node:crypto';

import { JimsError } from '../errors/jims-error.ts';
import type { ContextJournal, StreamedMessage } from '../pipeline/context-journal.ts';
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
import { newId } from '../thread/new-id.ts';
import { contactAnswer, serviceAnswer } from './asking.ts';
import type { Asked } from './asking.ts';
import { inEntry, requireOutsideEntry } from './entry-scope.ts';
import type { Journal, JournalCall, WorkResult } from './journal.ts';
import { KeptStream } from './kept-stream.ts';
import type { Replay } from './replay.ts';
import { doStep, failureFrom, keptError, keptValue, valueFrom } from './step-work.ts';

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
  readonly #asked = new Map<JournalCall['work'], Asked>();
  #questions = 0;
  #numbers = 0;
  #log: ThreadLog | undefined;
  #segment = -1;

  constructor(options: ChainContextOptions) {
    this.#options = options;
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
    let isFirst = false;
    let thrown: unknown;
    const begin = async (idempotencyKey: string): Promise<WorkResult> => {
      const status = (message: string): void => output.status({ message, statusType: 'status' });
      isFirst = true;
      try {
        tell({ status: 'running', ...(input !== undefined && { input }) });
        const run = { signal, idempotencyKey, status };
        const { value, usage } = await inEntry(`the step '${name}'`, () =>
          doStep(work, options, run),
        );
        const outcome = keptValue(`the step '${name}'`, value);
        return { outcome, ...(usage.length > 0 && { usage }) };
      } catch (error) {
        thrown = error;
        return { outcome: keptError(error) };
      }
    };
    const read = (outcome: EntryOutcome): unknown => {
      if (isFirst) tell(endOf(outcome));
      return valueOf(outcome, thrown);
    };
    const digest = input === undefined ? undefined : digestOf(input);
    // What a step gives is what JSON keeps of it, which `T` is a promise of the app for.
    return journal.call({ kind: 'step', name, input: digest, begin, read }) as Promise<T>;
  }

  stream(
    work: (messageId: string) => Promise<string>,
    { source, send }: StreamedMessage,
  ): Promise<string> {
    requireOutsideEntry('A message');
    const { journal, isDurable, part } = this.#options;
    const nth = journal.countOf('stream', '') + 1;
    const messageId = isDurable ? derivedId(this.chainId, `${part}/stream/${nth}`) : newId();
    let thrown: { readonly error: unknown } | undefined;
    const begin = async (): Promise<WorkResult> => {
      try {
        const { value, usage } = await inEntry('a streamed message', () => work(messageId));
        const finishReason = source instanceof KeptStream ? source.finishReason : undefined;
        const kept = finishReason === undefined ? value : [value, finishReason];
        return { outcome: keptValue('a message', kept), ...(usage.length > 0 && { usage }) };
      } catch (error) {
        thrown = { error };
        return { outcome: keptError(error) };
      }
    };
    const read = (outcome: EntryOutcome): unknown => {
      if (outcome.kind === 'error' && thrown && !isDurable) throw thrown.error;
      const kept = valueOf(outcome, thrown?.error);
      const [text, finishReason] = Array.isArray(kept) ? kept.map(String) : [String(kept)];
      if (text === undefined) throw new TypeError('A message was kept without its text');
      if (source instanceof KeptStream) source.endAs(finishReason);
      send(text, messageId);
      return text;
    };
    return journal.call({ kind: 'stream', name: '', begin, read }) as Promise<string>;
  }

  async askContact<T>(
    question: string | AsyncIterable<string>,
    options: AskOptions<T>,
    stream: (chunks: AsyncIterable<string>, send: StreamedMessage['send']) => Promise<string>,
  ): Promise<ContactAnswer<T>> {
    const questionId = this.#newQuestionId();
    const { kept, output } = this.#options;
    const { buttons } = options;
    const type = buttons ? ASSISTANT_MESSAGE_WITH_BUTTONS : ASSISTANT_MESSAGE;
    const canAnswer = kept.canAnswer !== false;
    const dataOf = (content: string): object => ({
      role: 'assistant',
      content,
      ...(buttons && { buttons }),
      ...(canAnswer && { question_id: questionId }),
    });
    let text: string;
    if (typeof question === 'string') {
      text = question;
      output.event(newEvent(type, dataOf(text)));
    } else {
      const send: StreamedMessage['send'] = (content, id) =>
        output.message(newEvent(type, dataOf(content), id));
      text = await stream(question, send);
    }
    const asked: Asked = { audience: 'contact', questionId, text, options };
    const answered = this.#ask(
      options.name ?? '',
      canAnswer ? asked : undefined,
      (outcome, event) => contactAnswer(outcome, event, options),
    );
    return answered as Promise<ContactAnswer<T>>;
  }

  askService<T>(question: ServiceQuestion<T>): Promise<ServiceAnswer<T>> {
    const questionId = this.#newQuestionId();
    const asked: Asked = { audience: 'service', questionId, question };
    const answered = this.#ask(question.name, asked, (outcome, event) =>
      serviceAnswer(outcome, event, question),
    );
    return answered as Promise<ServiceAnswer<T>>;
  }

  /** What the call that an execution ended with has asked. */
  askedBy(call: JournalCall): Asked {
    const asked = this.#asked.get(call.work);
    if (!asked) throw new TypeError('The call is no question');
    return asked;
  }

  #newQuestionId(): string {
    const { cannotAsk } = this.#options;
    requireOutsideEntry('A question');
    if (cannotAsk !== undefined) throw new JimsError('cannot_ask', cannotAsk);
    return derivedId(this.chainId, `ask/${++this.#questions}`);
  }

  /** Without `asked` there is no way to answer, which is the result. */
  #ask(
    name: string,
    asked: Asked | undefined,
    read: JournalCall['work']['read'],
  ): Promise<unknown> {
    const unavailable = async (): Promise<WorkResult> => ({
      outcome: keptValue('a question', { kind: 'unavailable' }),
    });
    const work = { kind: 'ask' as const, name, read, ...(!asked && { begin: unavailable }) };
    if (asked) this.#asked.set(work, asked);
    return this.#options.journal.call(work);
  }
}

function endOf(outcome: EntryOutcome): Pick<StepNews, 'status' | 'output' | 'error'> {
  if (outcome.kind === 'error') return { status: 'failed', error: failureFrom(outcome).message };
  const output = outcome.kind === 'value' ? valueFrom(outcome) : undefined;
  return { status: 'completed', ...(output !== undefined && { output }) };
}

function valueOf(outcome: EntryOutcome, thrown: unknown): unknown {
  if (outcome.kind === 'error') throw failureFrom(outcome, thrown);
  return outcome.kind === 'value' ? valueFrom(outcome) : undefined;
}

function digestOf(input: unknown): string {
  return createHash('sha256').update(cleanJson(input)).digest('base64url').slice(0, 22);
}
