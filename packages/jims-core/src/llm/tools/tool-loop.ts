import { JimsError } from '../../errors/jims-error.ts';
import { cleanJson } from '../../text/clean-text.ts';
import type { ChatMessage, ChatMessages, ToolCall } from '../chat/messages.ts';
import type { AnswerPiece } from '../chat/streamed-answer.ts';
import type { Tool } from '../chat/tools.ts';
import { parsedJson } from '../foreign-json.ts';
import type { Approval, LoopHost, PlannedCall, Round, ToolResult } from './loop-host.ts';
import type { ModelAnswer, ModelRequest } from './model-request.ts';
import { RoundParts } from './paragraphs.ts';
import type { LoopRecord } from './run-answer.ts';
import type { AnswerPart, RoundOptions, RunCall } from './run-options.ts';
import { failed } from './tool-set.ts';
import type { ToolSet } from './tool-set.ts';

const MAX_ROUNDS = 8;

export interface LoopOptions {
  readonly messages: ChatMessages;
  readonly options: RoundOptions;
  readonly tools: ToolSet;
  /** Stops the loop. */
  readonly signal: AbortSignal;
  readonly ask: (request: ModelRequest) => AsyncGenerator<AnswerPiece, ModelAnswer, void>;
  /** Where it says what it did. */
  readonly record: LoopRecord;
}

/** Asks a model, makes the calls that it wants, and asks again, until it answers without calls. */
export class ToolLoop {
  readonly #options: LoopOptions;
  readonly #host: LoopHost;
  readonly #maxRounds: number;
  readonly #messages: ChatMessages;
  readonly #callIds = new Set<string>();
  #forModel: Promise<readonly Tool[]> | undefined;

  /** @throws JimsError `llm_input_invalid` */
  constructor(options: LoopOptions, host: LoopHost) {
    const { maxRounds = MAX_ROUNDS } = options.options;
    if (!Number.isInteger(maxRounds) || maxRounds < 1) {
      throw new JimsError('llm_input_invalid', 'maxRounds must be a whole number from 1 on');
    }
    if (!isIterable(options.messages)) {
      throw new JimsError('llm_input_invalid', 'Messages must be a list of messages');
    }
    this.#options = options;
    this.#host = host;
    this.#maxRounds = maxRounds;
    this.#messages = [...options.messages];
  }

  /** Gives the parts of the answer. */
  async *run(): AsyncGenerator<AnswerPart, void, void> {
    const { record, options } = this.#options;
    for (let n = 1; ; n++) {
      const round = yield* this.#host.round(() => this.#ask(n));
      for (const { id } of round.calls) this.#callIds.add(id);
      const called = round.calls.length > 0 ? yield* this.#call(round) : [];
      const { finishReason } = round;
      const text = textOf(round);
      const report = { round: n, text, calls: called, finishReason };
      record.rounds.push(report);
      options.onRound?.(report);
      if (round.calls.length === 0) record.messages.push({ role: 'assistant', content: text });
      if (round.calls.length === 0 || this.#stops()) {
        record.finishReason = finishReason;
        return;
      }
    }
  }

  /** The text of all rounds so far. */
  get #text(): string {
    const texts = this.#options.record.rounds.map(({ text }) => text);
    return texts.filter((text) => text !== '').join('\n\n');
  }

  #stops(): boolean {
    const { record, options } = this.#options;
    const { rounds } = record;
    const calls = rounds.flatMap((round) => round.calls);
    const soFar = { rounds: rounds.length, calls, text: this.#text };
    return options.stopWhen?.(soFar) ?? false;
  }

  async *#ask(n: number): AsyncGenerator<AnswerPiece, Round, void> {
    const { options, ask, record, signal } = this.#options;
    const parts = new RoundParts();
    const withoutTools = n > this.#maxRounds;
    // Some models have said everything before they called a tool.
    const allowEmpty = options.allowEmpty ?? this.#text !== '';
    this.#forModel ??= this.#options.tools.forModel();
    const request: ModelRequest = {
      messages: [...this.#messages, ...record.messages],
      options: { ...options, allowEmpty },
      tools: await this.#forModel,
      parts,
      withoutTools,
    };
    const { calls: wanted, finishReason, providerData } = yield* ask(request);
    const known = new Set(this.#callIds);
    const calls: PlannedCall[] = [];
    for (const call of wanted) calls.push(await this.#options.tools.plan(call, known, signal));
    // Plain, as it is kept: packages put what they like into their data.
    return JSON.parse(cleanJson({ parts: parts.list, finishReason, calls, providerData }));
  }

  /** Makes the calls of a round: those that need nobody's approval at once, then the others, one by one. */
  async *#call(round: Round): AsyncGenerator<AnswerPart, readonly RunCall[], void> {
    const { calls } = round;
    for (const call of calls) yield partOf(call);
    const results = new Map<PlannedCall, ToolResult>();
    const free = calls.filter(({ question }) => question === undefined);
    const made = await Promise.all(free.map((call) => this.#make(call)));
    for (const [index, call] of free.entries()) results.set(call, made[index] ?? failed('failed'));
    this.#keepCalls(round);
    for (const call of free) this.#keepResult(call, results.get(call));
    for (const call of calls) {
      if (call.question === undefined) continue;
      const result = await this.#approved(call);
      results.set(call, result);
      this.#keepResult(call, result);
    }
    this.#addMessages(round, results);
    const over = calls.map((call) => overOf(call, results.get(call)));
    for (const { id, output, error } of over) {
      yield { type: 'tool-result', id, ...(error === undefined ? { output } : { error }) };
    }
    const sources = calls.flatMap((call) => results.get(call)?.sources ?? []);
    for (const source of sources) yield { type: 'source', ...source };
    return over;
  }

  async #make(call: PlannedCall): Promise<ToolResult> {
    if (call.fault !== undefined) return this.#refuse(call, call.fault);
    const { signal } = this.#options;
    return this.#host.execute(call, (scope) =>
      this.#options.tools.execute(call, { ...scope, signal }),
    );
  }

  async #approved(call: PlannedCall): Promise<ToolResult> {
    const { approvalButtons: buttons = { yes: 'Yes', no: 'No' } } = this.#options.options;
    const approval = await this.#host.approve(call, buttons);
    return approval.kind === 'yes' ? this.#make(call) : this.#refuse(call, reasonOf(approval));
  }

  #refuse(call: PlannedCall, reason: string): ToolResult {
    const result = failed(reason);
    this.#host.refused(call, result);
    return result;
  }

  /** For later turns. The text of the round is in the message that the user gets. */
  #keepCalls({ calls, providerData }: Round): void {
    this.#host.keep('tool_call', {
      role: 'assistant',
      content: '',
      tool_calls: calls.map(calledOf),
      ...(providerData && { provider_data: providerData }),
    });
  }

  #keepResult({ id }: PlannedCall, result: ToolResult = failed('failed')): void {
    const { content } = result;
    this.#host.keep('tool_result', { role: 'tool', tool_call_id: id, content });
  }

  /** For the next round. */
  #addMessages(round: Round, results: ReadonlyMap<PlannedCall, ToolResult>): void {
    const { calls, providerData } = round;
    const { messages } = this.#options.record;
    messages.push({
      role: 'assistant',
      content: textOf(round) || null,
      tool_calls: calls.map(calledOf),
      ...(providerData && { provider_data: providerData }),
    });
    for (const call of calls) {
      const content = results.get(call)?.content ?? '';
      messages.push({ role: 'tool', tool_call_id: call.id, content } satisfies ChatMessage);
    }
  }
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function textOf({ parts }: Round): string {
  return parts.map(({ type, text }) => (type === 'text' ? text : '')).join('');
}

function calledOf({ id, name, arguments: json }: PlannedCall): ToolCall {
  return { id, type: 'function', function: { name, arguments: json } };
}

function inputOf({ arguments: json }: PlannedCall): unknown {
  return parsedJson(json) ?? json;
}

function partOf(call: PlannedCall): AnswerPart {
  const { id, name, title } = call;
  const input = inputOf(call);
  return { type: 'tool-call', id, name, input, ...(title !== undefined && { title }) };
}

/** What the app and watchers get of a result. */
export function outputOf({ content, isJson }: ToolResult): unknown {
  return isJson ? JSON.parse(content) : content;
}

function reasonOf(approval: Exclude<Approval, { readonly kind: 'yes' }>): string {
  switch (approval.kind) {
    case 'no':
      return approval.words === undefined
        ? 'The user said no: this was not done'
        : `The user did not say yes, so this was not done. They said: ${approval.words}`;
    case 'expired':
      return 'The user did not answer the question whether to do this, so it was not done';
    case 'unavailable':
      return 'This needs the approval of the user, who cannot be asked here, so it was not done';
  }
}

function overOf(call: PlannedCall, result: ToolResult = failed('failed')): RunCall {
  const { id, name } = call;
  const { error } = result;
  const end = error === undefined ? { output: outputOf(result) } : { error };
  return { id, name, input: inputOf(call), ...end };
}
