import type { AnswerPiece } from '../llm/chat/streamed-answer.ts';
import { parsedJson } from '../llm/foreign-json.ts';
import type {
  Approval,
  ExecutionScope,
  LoopHost,
  PlannedCall,
  Round,
  ToolResult,
} from '../llm/tools/loop-host.ts';
import { outputOf } from '../llm/tools/tool-loop.ts';
import type { ToolNews } from '../pipeline/message-part.ts';
import type { AskOptions, ContactAnswer } from '../pipeline/question.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import { boundedJson } from '../text/bounded-json.ts';
import { newEvent } from '../thread/event.ts';
import { requireOutsideEntry } from './entry-scope.ts';
import type { GrowingMessage } from './growing-message.ts';
import type { Journal } from './journal.ts';
import { KeptWork } from './kept-work.ts';

/** The longest input that is sent to those who watch a run, as JSON. */
const MAX_SHOWN = 64 * 1024;
const YES = /^\s*yes[\s.!]*$/i;

export interface KeptLoopOptions {
  readonly journal: Journal;
  readonly output: ContextOutput;
  readonly isDurable: boolean;
  /** Makes the message that the loop's parts are for; a new one after each question. */
  readonly newMessage: () => GrowingMessage;
  /** Sends the message before a question. */
  readonly send: (message: GrowingMessage) => void;
  /** Asks the contact; `undefined` when nobody can be asked. */
  readonly ask: ((question: string, options: AskOptions) => Promise<ContactAnswer>) | undefined;
}

/** A loop of a pipeline: each answer and each call of a tool is an entry of the journal. */
export class KeptLoop implements LoopHost {
  readonly #options: KeptLoopOptions;
  #message: GrowingMessage;

  constructor(options: KeptLoopOptions) {
    this.#options = options;
    this.#message = options.newMessage();
  }

  /** The message that is being made. */
  get message(): GrowingMessage {
    return this.#message;
  }

  async *round(
    work: () => AsyncGenerator<AnswerPiece, Round, void>,
  ): AsyncGenerator<AnswerPiece, Round, void> {
    requireOutsideEntry('A round of llm.run');
    const { journal, isDurable } = this.#options;
    const message = this.#message;
    const kept = new KeptWork<Round>({
      what: 'a round of llm.run',
      isKeptOnly: isDurable,
      async work() {
        message.goesOn();
        const pieces = work();
        for (;;) {
          const { done, value } = await pieces.next();
          if (done) return value;
          message.add(value);
        }
      },
    });
    const round = await journal.call({
      kind: 'model',
      name: 'llm.run',
      begin: kept.begin,
      read(outcome) {
        const given = kept.result(outcome);
        if (!kept.isDone) for (const part of given.parts) message.add(part);
        return given;
      },
    });
    yield* round.parts;
    return round;
  }

  execute(
    call: PlannedCall,
    work: (scope: ExecutionScope) => Promise<ToolResult>,
  ): Promise<ToolResult> {
    const { journal, output } = this.#options;
    const message = this.#message;
    const status = (text: string): void => output.status({ message: text, statusType: 'status' });
    const begins = (): void => message.add({ type: 'tool', tool: newsOf(call) });
    const kept = new KeptWork<ToolResult>({
      what: `the tool '${call.name}'`,
      isKeptOnly: true,
      async work(idempotencyKey) {
        message.goesOn();
        begins();
        return work({ idempotencyKey, status });
      },
    });
    return journal.call({
      kind: 'step',
      name: call.name,
      begin: kept.begin,
      read(outcome) {
        const result = kept.result(outcome);
        if (!kept.isDone) begins();
        message.add({ type: 'tool', tool: newsOf(call, result) });
        for (const source of result.sources ?? []) message.add({ type: 'source', source });
        return result;
      },
    });
  }

  refused(call: PlannedCall, result: ToolResult): void {
    const { input } = newsOf(call);
    this.#message.add({ type: 'tool', tool: { ...newsOf(call, result), input } });
  }

  async approve(
    { name, question = name }: PlannedCall,
    { yes, no }: { readonly yes: string; readonly no: string },
  ): Promise<Approval> {
    const { ask, send, newMessage } = this.#options;
    if (!ask) return { kind: 'unavailable' };
    const before = this.#message;
    this.#message = newMessage();
    if (before.text.trim() !== '') send(before);
    else for (const source of before.sources) this.#message.add({ type: 'source', source });
    const buttons = [
      { id: 'yes', text: yes },
      { id: 'no', text: no },
    ];
    return approvalOf(await ask(question, { name: `approve ${name}`, buttons }));
  }

  keep(kind: 'tool_call' | 'tool_result', message: object): void {
    this.#options.output.event(newEvent(`context.${kind}`, message));
  }
}

function approvalOf(answer: ContactAnswer): Approval {
  switch (answer.kind) {
    case 'message':
      return approvalBy(answer);
    case 'unavailable':
      return { kind: 'unavailable' };
    case 'expired':
    case 'withdrawn':
      return { kind: 'expired' };
  }
}

function approvalBy({
  buttonId,
  text,
  reason,
}: ContactAnswer & { readonly kind: 'message' }): Approval {
  if (buttonId === 'yes' || (buttonId === undefined && YES.test(text))) return { kind: 'yes' };
  const words = buttonId === undefined ? text : reason;
  return words === undefined ? { kind: 'no' } : { kind: 'no', words };
}

function newsOf(call: PlannedCall, result?: ToolResult): ToolNews {
  const { id, name, title, arguments: json } = call;
  const named = { id, name, ...(title !== undefined && { title }) };
  if (!result) {
    return { ...named, status: 'running', input: boundedJson(parsedJson(json) ?? json, MAX_SHOWN) };
  }
  const { error } = result;
  if (error !== undefined) return { ...named, status: 'failed', error };
  return { ...named, status: 'completed', output: outputOf(result) };
}
