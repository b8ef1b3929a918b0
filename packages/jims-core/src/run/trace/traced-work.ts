import type { ErrorDescription } from '../../errors/jims-error.ts';
import type { ToolNews } from '../../pipeline/message-part.ts';
import type { StepNews } from '../../pipeline/step.ts';
import { sourcePosition } from '../../telemetry/source-position.ts';
import type { StepEntry, ToolEntry } from '../../telemetry/trace.ts';
import type { JsonObject } from '../../thread/event.ts';
import type { ReplayedEntry } from '../replay.ts';
import { replayedModel, replayedStep } from './replayed-entry.ts';
import type { OpenEntry, TraceLog } from './trace-log.ts';

type WorkNews = Pick<StepNews, 'status' | 'input' | 'output' | 'error'>;

/** The steps and the tools of a run, and what is replayed of earlier ones. */
export class TracedWork {
  readonly #log: TraceLog;
  readonly #steps = new Map<string, OpenEntry<StepEntry>>();
  readonly #tools = new Map<string, OpenEntry<ToolEntry>>();
  /** Replayed steps that may be those of tools, which say so themselves later. */
  #replayed: OpenEntry<StepEntry>[] = [];

  /** What tools threw whose news have not come yet. */
  readonly #thrown = new Map<string, ErrorDescription>();

  constructor(log: TraceLog) {
    this.#log = log;
  }

  /** The pipeline got a result that an earlier execution had kept. */
  replayed({ entry, answer }: ReplayedEntry): void {
    if (entry.kind !== 'model') return this.#replayedStep(entry, answer?.data);
    this.#log.add((moment) => ({ ...moment, ...replayedModel(entry, this.#bounded) }));
  }

  step({ id, name, title, ...news }: StepNews): void {
    const open =
      this.#steps.get(id) ??
      this.#log.begin<StepEntry>((moment) => ({
        ...moment,
        kind: 'step',
        id,
        name,
        ...(title !== undefined && { title }),
        status: 'running',
        isReplayed: false,
      }));
    this.#steps.set(id, open);
    this.#goesOn(open, news);
  }

  tool(messageId: string, { id, name, title, ...news }: ToolNews): void {
    let open = this.#tools.get(id);
    if (!open) {
      const isReplayed = this.#takeReplayed(name);
      open = this.#log.begin<ToolEntry>((moment) => ({
        ...moment,
        kind: 'tool',
        id,
        name,
        ...(title !== undefined && { title }),
        messageId,
        status: 'running',
        isReplayed,
      }));
      this.#tools.set(id, open);
    }
    this.#goesOn(open, news);
    if (news.status === 'failed') this.#locate(keyOf(name, news.error ?? ''), open);
  }

  toolFailed(name: string, error: ErrorDescription): void {
    this.#thrown.set(keyOf(name, error.message), error);
  }

  /** Says where a tool threw as soon as that is found. */
  #locate(key: string, open: OpenEntry<ToolEntry>): void {
    const thrown = this.#thrown.get(key);
    this.#thrown.delete(key);
    if (!thrown) return;
    void sourcePosition(stacksOf(thrown)).then((source) => {
      if (source && this.#log.room > 0) open.add({ source });
    });
  }

  readonly #bounded = (value: unknown): unknown => this.#log.bounded(value);

  #replayedStep(entry: ReplayedEntry['entry'], answer: JsonObject | undefined): void {
    const content = replayedStep(entry, this.#bounded, answer);
    const step = this.#log.add<StepEntry>((moment) => ({ ...moment, ...content }));
    if (entry.kind === 'step') this.#replayed.push(step);
  }

  #goesOn(
    open: OpenEntry<StepEntry> | OpenEntry<ToolEntry>,
    { status, input, output, error }: WorkNews,
  ): void {
    open.add({
      status,
      ...(input !== undefined && { input: this.#log.bounded(input) }),
      ...(output !== undefined && { output: this.#log.bounded(output) }),
      ...(error !== undefined && { error: this.#log.boundedText(error) }),
    });
    if (status !== 'running') open.end();
  }

  /** The call of a tool is kept as a step of its name. */
  #takeReplayed(name: string): boolean {
    const step = this.#replayed.find(({ entry }) => entry.name === name);
    if (!step) return false;
    this.#replayed = this.#replayed.filter((each) => each !== step);
    this.#log.remove(step);
    return true;
  }
}

function stacksOf({ stack, cause }: ErrorDescription): readonly string[] {
  return [...(stack === undefined ? [] : [stack]), ...(cause ? stacksOf(cause) : [])];
}

/** By its beginning, as the two are cut at other lengths. */
function keyOf(name: string, message: string): string {
  return `${name}\n${message.slice(0, 1000)}`;
}
