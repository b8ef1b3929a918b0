import type { JsonObject, NewEvent } from '../thread/event.ts';

/** When something in a run began, and how long it took. */
interface TraceMoment {
  /** UTC with microseconds, by the clock of the run's process. */
  readonly at: string;
  /** Milliseconds; `null` while it goes on, 0 for a moment. */
  readonly ms: number | null;
}

/** One thing that happened in a run. Long text is cut, and says so; a large value is text then. */
export type TraceEntry =
  | QueueEntry
  | PipelineEntry
  | StepEntry
  | ModelEntry
  | ToolEntry
  | StatusEntry
  | MessageEntry
  | ReasoningEntry
  | EventEntry
  | QuestionEntry
  | EndEntry;

/** The run waited for those before it in its thread. */
export interface QueueEntry extends TraceMoment {
  readonly kind: 'queue';
}

export interface PipelineEntry extends TraceMoment {
  readonly kind: 'pipeline';
  readonly name: string;
  readonly part: 'start' | 'main';
}

/** Work that is done once. */
interface WorkEntry extends TraceMoment {
  readonly id: string;
  readonly name: string;
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** Whether its result is that of an earlier attempt, or of an earlier run of its chain. */
  readonly isReplayed: boolean;
}

export interface StepEntry extends WorkEntry {
  readonly kind: 'step';
}

export interface ToolEntry extends WorkEntry {
  readonly kind: 'tool';
  readonly messageId: string;
  /** Where it threw, in the app's own code. */
  readonly source?: SourcePosition;
}

/** A call of `ctx.llm`: one request, and as many tries as it needed. */
export interface ModelEntry extends TraceMoment {
  readonly kind: 'model';
  /** The method of `ctx.llm`, such as `stream`. */
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
  /** `null` where it is not known, as for a replayed call. */
  readonly request: TracedRequest | null;
  readonly answer: TracedAnswer | null;
  readonly tokens: TracedTokens | null;
  /** US dollars; `null` when the price is not known. */
  readonly costUsd: number | null;
  readonly tries: number;
  /** How long it took to the first piece of a stream, in milliseconds. */
  readonly firstPieceMs: number | null;
  readonly error: string | null;
  readonly isReplayed: boolean;
}

export interface TracedTokens {
  readonly prompt: number;
  readonly completion: number;
  /** The part of `prompt` that was cached. */
  readonly cached: number;
}

/** What a model was sent. */
export interface TracedRequest {
  readonly messages: readonly TracedMessage[];
  readonly tools: readonly {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: unknown;
  }[];
  readonly settings: JsonObject;
  /** Of embeddings, and the documents that are ranked. */
  readonly texts?: readonly string[];
  /** What documents are ranked for. */
  readonly query?: string;
}

export interface TracedMessage {
  readonly role: string;
  readonly parts: readonly TracedMessagePart[];
}

/** A part of a message; its `type` says which of the members it has. */
export interface TracedMessagePart {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly mediaType?: string;
}

/** What a model said. */
export interface TracedAnswer {
  readonly text: string;
  readonly reasoning?: string;
  readonly toolCalls?: readonly {
    readonly id: string;
    readonly name: string;
    readonly input: unknown;
  }[];
  readonly finishReason?: string;
  /** Of embeddings: how many numbers came. */
  readonly vectors?: { readonly count: number; readonly dimensions: number };
  readonly ranking?: readonly { readonly index: number; readonly score: number }[];
}

export interface StatusEntry extends TraceMoment {
  readonly kind: 'status';
  readonly message: string;
  readonly type: string;
}

/** A message that was sent piece by piece. */
export interface MessageEntry extends TraceMoment {
  readonly kind: 'message';
  readonly messageId: string;
  readonly text: string;
  readonly pieces: number;
}

export interface ReasoningEntry extends TraceMoment {
  readonly kind: 'reasoning';
  readonly messageId: string;
  readonly text: string;
}

export interface EventEntry extends TraceMoment {
  readonly kind: 'event';
  readonly event: Omit<NewEvent, 'data'> & { readonly data: unknown };
  /** Whether it is a state, context or of JIMS itself. */
  readonly isInternal: boolean;
}

/** What the run ended with. */
export interface QuestionEntry extends TraceMoment {
  readonly kind: 'question';
  readonly id: string;
  readonly name?: string;
  readonly text?: string;
  readonly audience: 'contact' | 'service';
}

export interface EndEntry extends TraceMoment {
  readonly kind: 'end';
  readonly type: 'result' | 'error' | 'cancelled';
  /** Why it was cancelled, or the code of its error. */
  readonly reason?: string;
}

/** The real error of a run. */
export interface TraceError {
  /** As the run has it, such as `pipeline_failed`. */
  readonly code: string;
  /** The message that the run has. */
  readonly detail: string;
  readonly thrown: ThrownError;
  /** Where it was thrown in the app's own code. */
  readonly source: SourcePosition | undefined;
  /** What led to it, the nearest first. */
  readonly causes: readonly ThrownError[];
}

export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
}

/** A position in a file, with the lines around it. */
export interface SourcePosition {
  /** A path from the folder of the process, or an absolute one. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly excerpt: readonly { readonly line: number; readonly text: string }[];
}

/** The states of a thread by their names; a large one is text. */
export type TracedStates = Readonly<Record<string, unknown>>;

/** What happened in one attempt of a run, as it is kept. */
export interface KeptTrace {
  readonly runId: string;
  readonly threadId: string;
  readonly attempt: number;
  /** How many entries were left out, as a trace is bounded. */
  readonly leftOut: number;
  readonly entries: readonly TraceEntry[];
  readonly state: { readonly before: TracedStates; readonly after: TracedStates };
  readonly error?: TraceError;
}

/** What a call of a model says about itself while it goes on. */
export type ModelNews = Partial<Omit<ModelEntry, 'kind' | 'at' | 'ms' | 'isReplayed'>>;

/** The entry of one call of a model. */
export interface ModelTrace {
  /** How many characters the request may take. */
  readonly room: number;
  /** What it has so far. */
  readonly entry: Pick<ModelEntry, 'tokens' | 'costUsd'>;
  /** Milliseconds since it began. */
  readonly ms: number;
  add(news: ModelNews): void;
  /** The call is over. */
  end(): void;
}

/** Where the calls of the models of one run are traced. */
export interface ModelTraces {
  begin(call: Pick<ModelEntry, 'operation' | 'provider' | 'model'>): ModelTrace;
}
