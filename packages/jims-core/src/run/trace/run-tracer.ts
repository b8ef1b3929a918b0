import type { ErrorDescription } from '../../errors/jims-error.ts';
import type { RunOwner } from '../../store/store.ts';
import type {
  KeptTrace,
  ModelTrace,
  ModelTraces,
  PipelineEntry,
  QueueEntry,
  TraceError,
} from '../../telemetry/trace.ts';
import { isInternalEvent } from '../../thread/event.ts';
import type { JsonObject, NewEvent, ThreadEvent } from '../../thread/event.ts';
import type { ReplayedEntry } from '../replay.ts';
import type { RunEnd, RunEvent, RunResult } from '../run-events.ts';
import { TraceLog } from './trace-log.ts';
import type { OpenEntry } from './trace-log.ts';
import { TracedMessages } from './traced-messages.ts';
import { tracedModel } from './traced-model.ts';
import { statesAfter, tracedStates } from './traced-states.ts';
import { TracedWork } from './traced-work.ts';

/** What a pipeline sends. */
type SentEvent = Exclude<RunEvent, RunEnd | { readonly type: 'restarted' }>;

/** Writes down what happens in one attempt of a run. */
export class RunTracer implements ModelTraces {
  readonly owner: RunOwner;
  readonly #log = new TraceLog();
  readonly #work = new TracedWork(this.#log);
  readonly #messages = new TracedMessages(this.#log);
  #queue: OpenEntry<QueueEntry> | undefined;
  #pipeline: OpenEntry<PipelineEntry> | undefined;
  #before: ReadonlyMap<string, JsonObject> | undefined;
  #after: ReadonlyMap<string, JsonObject> | undefined;
  #end: KeptTrace['entries'] = [];
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
  readonly replayed = (replayed: ReplayedEntry): void => this.#work.replayed(replayed);

  /** A tool threw: its news have only the message. */
  toolFailed(name: string, error: ErrorDescription): void {
    this.#work.toolFailed(name, error);
  }

  begin(call: Parameters<ModelTraces['begin']>[0]): ModelTrace {
    return tracedModel(this.#log, call);
  }

  /** The pipeline sent something. */
  sent(event: SentEvent): void {
    switch (event.type) {
      case 'status':
        return this.#status(event.status);
      case 'delta':
      case 'reasoning':
        return this.#messages.add(event);
      case 'step':
        return this.#work.step(event.step);
      case 'tool':
        return this.#work.tool(event.messageId, event.tool);
      case 'event':
        return this.#event(event.event);
      case 'source':
      case 'file':
        // They are in the event of their message, too.
        return undefined;
    }
  }

  /** The run is over, in this process at least. */
  ended(end: RunEnd): void {
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

  #status({ message, statusType: type }: { message: string; statusType: string }): void {
    const text = this.#log.boundedText(message);
    this.#log.add((moment) => ({ ...moment, kind: 'status', message: text, type }));
  }

  #event({ id, type, data }: NewEvent): void {
    const event = { id, type, data: this.#log.bounded(data) };
    const isInternal = isInternalEvent(type);
    this.#log.add((moment) => ({ ...moment, kind: 'event', event, isInternal }));
  }

  #resulted({ startEvents, events, question }: RunResult): void {
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
