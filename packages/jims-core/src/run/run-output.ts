import { JimsError } from '../errors/jims-error.ts';
import { dataOf } from '../pipeline/message-body.ts';
import type { MessageNews } from '../pipeline/message-part.ts';
import type { StepNews } from '../pipeline/step.ts';
import type { AgentStatus, ContextOutput } from '../pipeline/thread-context.ts';
import { jsonSize } from '../text/json-size.ts';
import { ASSISTANT_MESSAGE, eventDomain, newEvent } from '../thread/event.ts';
import type { NewEvent } from '../thread/event.ts';
import type { MessageFile, MessageSource } from '../thread/message.ts';
import type { EventLog } from './event-log.ts';
import type { Journal } from './journal.ts';
import type { RunEvent } from './run-events.ts';

/** Counted for each send beside its text, so that empty ones are bounded, too. */
const OVERHEAD_BYTES = 100;

type SentEvent = Extract<RunEvent, { type: 'event' | 'status' | 'step' }> | MessageNews;

/**
 * What the pipelines of a run send, one after the other: it goes to the run's listeners, and is kept
 * until it is stored.
 */
export class RunOutput {
  readonly #stream: EventLog;
  readonly #maxBytes: number;
  #current: PipelineOutput;
  #sentBytes = 0;
  #isClosed = false;

  constructor(stream: EventLog, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#current = new PipelineOutput(this);
  }

  /** Of the pipeline that runs, or is the next to run. */
  get current(): PipelineOutput {
    return this.#current;
  }

  /** How many bytes were sent so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /**
   * What the current pipeline sent is stored, and another one comes. Listeners still get what the first
   * one sends late, from work that it left behind; nothing stores it.
   */
  startNext(): void {
    this.#current = new PipelineOutput(this);
  }

  /** Sends an event of this many bytes to the listeners. */
  push(bytes: number, event: SentEvent): void {
    this.#count(bytes);
    this.#stream.push(event);
  }

  /** Refuses everything from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /** @throws JimsError `run_over` */
  requireOpen(): void {
    if (!this.#isClosed) return;
    throw new JimsError('run_over', 'The run is over: nothing can be sent any more');
  }

  #count(bytes: number): void {
    this.requireOpen();
    this.#sentBytes += bytes + OVERHEAD_BYTES;
    if (this.#sentBytes <= this.#maxBytes) return;
    const reason = `The pipeline sent more than ${this.#maxBytes} bytes in one run`;
    throw new JimsError('pipeline_failed', reason);
  }
}

/** Says where in its chain of runs an event belongs that a pipeline sends; see `Journal`. */
export type SendPlaces = Pick<Journal, 'send' | 'segment' | 'isReplaying'>;

/** What was sent so far of a message. */
interface UnfinishedMessage {
  text: string;
  readonly sources: MessageSource[];
  readonly files: MessageFile[];
}

/** What one pipeline of a run sends. */
class PipelineOutput implements ContextOutput {
  readonly #run: RunOutput;
  /** To be stored with the run. */
  readonly #unstored: NewEvent[] = [];
  /** Sent since the newest answer: also what an earlier execution has stored. */
  #sent: NewEvent[] = [];
  #segment = 0;
  #places: SendPlaces | undefined;
  /** The messages that are being streamed, by id. */
  #unfinished: Map<string, UnfinishedMessage> | undefined;

  constructor(run: RunOutput) {
    this.#run = run;
  }

  /** To be called before its pipeline is executed. */
  placedBy(places: SendPlaces): void {
    this.#places = places;
  }

  get sent(): readonly NewEvent[] {
    this.#startSegment();
    return this.#sent;
  }

  get unstored(): readonly NewEvent[] {
    return this.#unstored;
  }

  /**
   * What the user has seen of the messages, for a run that ends before its pipeline does: the whole
   * ones, and those still being streamed, marked `partial`.
   */
  seen(): readonly NewEvent[] {
    const messages = this.#unstored.filter(({ type }) => eventDomain(type) === 'comm');
    const partial = [...(this.#unfinished ?? [])].map(([id, { text, sources, files }]) => {
      const data = dataOf({ text, sources, files, reasoning: '', context: [] });
      return newEvent(ASSISTANT_MESSAGE, { ...data, partial: true }, id);
    });
    return [...messages, ...partial];
  }

  event(event: NewEvent): void {
    this.#send(event, (id) => (id === undefined ? event : { ...event, id }));
  }

  message(event: NewEvent): void {
    this.#send(event, () => event);
  }

  /** While a pipeline comes to where it was before it tells nothing: its listeners know. */
  status(status: AgentStatus): void {
    if (this.#places?.isReplaying) return this.#run.requireOpen();
    const bytes = status.message.length + status.statusType.length;
    this.#run.push(bytes, { type: 'status', status });
  }

  step(step: StepNews): void {
    this.#run.push(jsonSize(step), { type: 'step', step });
  }

  piece(news: MessageNews): void {
    this.#run.push('delta' in news ? news.delta.length : jsonSize(news), news);
    // What a model thinks, and what its tools do, is not a part of a message yet.
    if (news.type === 'reasoning' || news.type === 'tool') return;
    const { messageId } = news;
    const unfinished = (this.#unfinished ??= new Map());
    const message = unfinished.get(messageId) ?? { text: '', sources: [], files: [] };
    unfinished.set(messageId, message);
    if (news.type === 'delta') message.text += news.delta;
    else if (news.type === 'source') message.sources.push(news.source);
    else message.files.push(news.file);
  }

  /** `placed` gives the event as it is sent, when it is new: with the id of its position. */
  #send(event: NewEvent, placed: (id: string | undefined) => NewEvent): void {
    this.#run.requireOpen();
    const position = this.#places?.send(event.type);
    this.#startSegment();
    if (position?.kind === 'dropped') this.#sent.push(event);
    else if (position?.kind === 'committed') this.#sent.push(position.event);
    else this.#push(placed(position?.id));
  }

  #push(event: NewEvent): void {
    this.#run.push(jsonSize(event.data), { type: 'event', event });
    this.#unfinished?.delete(event.id);
    this.#sent.push(event);
    this.#unstored.push(event);
  }

  /** What a run sent before it asked is in the log for the run that continues it. */
  #startSegment(): void {
    const segment = this.#places?.segment ?? 0;
    if (segment === this.#segment) return;
    this.#segment = segment;
    this.#sent = [];
  }
}
