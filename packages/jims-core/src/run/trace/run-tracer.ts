import type { ToolNews } from '../../pipeline/message-part.ts';
import type { StepNews } from '../../pipeline/step.ts';
import type { RunOwner } from '../../store/store.ts';
import type {
  KeptTrace,
  MessageEntry,
  ModelTrace,
  ModelTraces,
  PipelineEntry,
  QueueEntry,
  ReasoningEntry,
  StepEntry,
  ToolEntry,
  TraceError,
} from '../../telemetry/trace.ts';
import { isInternalEvent } from '../../thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { ReplayedEntry } from '../replay.ts';
import type { RunEnd, RunEvent } from '../run-events.ts';
import { replayedModel, replayedStep } from './replayed-entry.ts';
import { TraceLog } from './trace-log.ts';
import type { OpenEntry } from './trace-log.ts';
import { tracedModel } from './traced-model.ts';
import { statesAfter, tracedStates } from './traced-states.ts';
import { TracedText } from './traced-text.ts';

type NewMessage = Omit<MessageEntry, 'at' | 'ms'>;
type NewReasoning = Omit<ReasoningEntry, 'at' | 'ms'>;

/** Writes down what happens in one attempt of a run. */
export class RunTracer implements ModelTraces {
  readonly owner: RunOwner;
  readonly #log = new TraceLog();
  readonly #texts = new Map<string, TracedText>();
  readonly #steps = new Map<string, OpenEntry<StepEntry>>();
  readonly #tools = new Map<string, OpenEntry<ToolEntry>>();
  /** Replayed steps that may be those of tools, which say so themselves later. */
  #replayed: OpenEntry<StepEntry>[] = [];
  #queue: OpenEntry<QueueEntry> | undefined;
  #pipeline: OpenEntry<PipelineEntry> | undefined;
  #before: ReadonlyMap<string, JsonObject> | undefined;
  #end: KeptTrace['entries'] = [];
  #after: ReadonlyMap<string, JsonObject> | undefined;
  #error: TraceError | undefined;

  constructor(owner: RunOwner) {
    this.owner = owner;
  }

  /** The run waits for its turn. */
  waits(): void {
    this.#queue = this.#log.begin<QueueEntry>((moment) => ({ ...moment, kind: 'queue' }));
  }

  /** It is its turn. */
  runs(): void {
    this.#queue?.end();
  }

  /** A pipeline begins, in a thread with these events. */
  pipeline(part: PipelineEntry['part'], name: string, log: Iterable<ThreadEvent>): void {
    this.#before ??= statesAfter(new Map(), log);
    this.#pipeline = this.#log.begin<PipelineEntry>((moment) => ({
      ...moment,
      kind: 'pipeline',
      name,
      part,
    }));
  }

  pipelineEnded(): void {
    this.#pipeline?.end();
  }

  /** The pipeline got a result that an earlier execution had kept. */
  readonly replayed = ({ entry, answer }: ReplayedEntry): void => {
    const bounded = (value: unknown): unknown => this.#log.bounded(value);
    if (entry.kind === 'model') {
      this.#log.add((moment) => ({ ...moment, ...replayedModel(entry, bounded) }));
      return;
    }
    const step = this.#log.add<StepEntry>((moment) => ({
      ...moment,
      ...replayedStep(entry, bounded, answer?.data),
    }));
    if (entry.kind === 'step') this.#replayed.push(step);
  };

  begin(call: Parameters<ModelTraces['begin']>[0]): ModelTrace {
    return tracedModel(this.#log, call);
  }

  /** The run sent an event. */
  sent(event: RunEvent): void {
    switch (event.type) {
      case 'status':
        return this.#status(event.status);
      case 'delta':
        return this.#text('message', event);
      case 'reasoning':
        return this.#text('reasoning', event);
      case 'step':
        return this.#step(event.step);
      case 'tool':
        return this.#tool(event.messageId, event.tool);
      case 'event':
        return this.#event(event.event);
      case 'result':
      case 'error':
      case 'cancelled':
        return this.#ended(event);
      case 'source':
      case 'file':
      case 'restarted':
        // Sources and files are in the event of their message, too.
        return undefined;
    }
  }

  /** Why it failed. */
  failed(error: TraceError): void {
    this.#error = error;
  }

  /** What is known so far. */
  get trace(): KeptTrace {
    const { runId, threadId, attempt } = this.owner;
    const before = tracedStates(this.#before ?? new Map());
    const after = this.#after ? tracedStates(this.#after) : before;
    return {
      runId,
      threadId,
      attempt,
      leftOut: this.#log.leftOut,
      entries: [...this.#log.entries, ...this.#end],
      state: { before, after },
      ...(this.#error && { error: this.#error }),
    };
  }

  #status({
    message,
    statusType,
  }: {
    readonly message: string;
    readonly statusType: string;
  }): void {
    const text = this.#log.boundedText(message);
    this.#log.add((moment) => ({ ...moment, kind: 'status', message: text, type: statusType }));
  }

  #text(
    kind: 'message' | 'reasoning',
    { messageId, delta }: { readonly messageId: string; readonly delta: string },
  ): void {
    const id = `${kind}/${messageId}`;
    let text = this.#texts.get(id);
    if (!text) {
      text = this.#newText(kind, messageId);
      this.#texts.set(id, text);
    }
    text.add(delta);
  }

  #newText(kind: 'message' | 'reasoning', messageId: string): TracedText {
    const log = this.#log;
    if (kind === 'reasoning') {
      const entry: NewReasoning = { kind, messageId, text: '' };
      const reasoning = log.begin<ReasoningEntry>((moment) => ({ ...moment, ...entry }));
      return new TracedText(log, (text) => {
        reasoning.add({ text });
        reasoning.end();
      });
    }
    const entry: NewMessage = { kind, messageId, text: '', pieces: 0 };
    const message = log.begin<MessageEntry>((moment) => ({ ...moment, ...entry }));
    return new TracedText(log, (text, pieces) => {
      message.add({ text, pieces });
      message.end();
    });
  }

  #step(step: StepNews): void {
    const { status, input: _, output: __, error: ___, ...named } = step;
    const news = this.#workOf(step);
    const open =
      this.#steps.get(step.id) ??
      this.#log.begin<StepEntry>((moment) => ({
        ...moment,
        kind: 'step',
        ...named,
        status,
        isReplayed: false,
      }));
    this.#steps.set(step.id, open);
    open.add(news);
    if (status !== 'running') open.end();
  }

  #tool(messageId: string, tool: ToolNews): void {
    const { status, input: _, output: __, error: ___, ...named } = tool;
    const news = this.#workOf(tool);
    let open = this.#tools.get(tool.id);
    if (!open) {
      const isReplayed = this.#takeReplayed(tool.name);
      const kind = 'tool';
      open = this.#log.begin((moment) => ({
        ...moment,
        kind,
        ...named,
        messageId,
        status,
        isReplayed,
      }));
      this.#tools.set(tool.id, open);
    }
    open.add(news);
    if (status !== 'running') open.end();
  }

  #workOf({
    status,
    input,
    output,
    error,
  }: Omit<StepNews, 'id' | 'name'>): Partial<
    Pick<StepEntry, 'status' | 'input' | 'output' | 'error'>
  > {
    const log = this.#log;
    return {
      status,
      ...(input !== undefined && { input: log.bounded(input) }),
      ...(output !== undefined && { output: log.bounded(output) }),
      ...(error !== undefined && { error: log.boundedText(error) }),
    };
  }

  /** The call of a tool is kept as a step of its name. */
  #takeReplayed(name: string): boolean {
    const step = this.#replayed.find(({ entry }) => entry.name === name);
    if (!step) return false;
    this.#replayed = this.#replayed.filter((each) => each !== step);
    this.#log.remove(step);
    return true;
  }

  #event({ id, type, data }: NewEvent): void {
    const event = { id, type, data: this.#log.bounded(data) };
    const isInternal = isInternalEvent(type);
    this.#log.add((moment) => ({ ...moment, kind: 'event', event, isInternal }));
  }

  #ended(end: RunEnd): void {
    const reason = reasonOf(end);
    const { type } = end;
    if (end.type === 'result') this.#resulted(end.result);
    this.#log.endAll();
    this.#end = [
      this.#log.moment((moment) => ({
        ...moment,
        kind: 'end',
        type,
        ...(reason !== undefined && { reason }),
      })),
    ];
  }

  #resulted({
    startEvents,
    events,
    question,
  }: Extract<RunEnd, { readonly type: 'result' }>['result']): void {
    this.#after = statesAfter(this.#before ?? new Map(), [...startEvents, ...events]);
    if (!question) return;
    const { questionId: id, name, text, audience } = question;
    this.#log.add((moment) => ({
      ...moment,
      kind: 'question',
      id,
      audience,
      ...(name !== undefined && { name }),
      ...(text !== undefined && { text: this.#log.boundedText(text) }),
    }));
  }
}

function reasonOf(end: RunEnd): string | undefined {
  if (end.type === 'cancelled') return end.reason;
  return end.type === 'error' ? end.error.code : undefined;
}
