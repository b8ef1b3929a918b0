// What a run did, as services see it. test/types-wire.ts proves that these are the schemas of the service.
import type { ModelUsage, RunSummary } from './wire.ts';

/** One thing that happened in a run. */
export type TraceEntry = {
  /** UTC, with microseconds. */
  readonly at: string;
  /** `null` while it goes on, 0 for a moment. */
  readonly ms: number | null;
} & TraceKind;

/** The entries of some kinds. */
export type EntryOf<Kind extends TraceEntry['kind']> = Extract<TraceEntry, { kind: Kind }>;

interface TracedWork {
  readonly id: string;
  readonly name: string;
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
  /** Whether its result is that of an earlier attempt, so that nothing was done. */
  readonly replayed: boolean;
}

type TraceKind =
  | { readonly kind: 'queue' }
  | { readonly kind: 'pipeline'; readonly name: string; readonly part: 'start' | 'main' }
  | ({ readonly kind: 'step' } & TracedWork)
  | ({
      readonly kind: 'tool';
      readonly message_id: string;
      /** Where it threw, in the app's own code. */
      readonly source?: SourcePosition;
    } & TracedWork)
  | ({ readonly kind: 'model' } & ModelCall)
  | { readonly kind: 'status'; readonly message: string; readonly type: string }
  | {
      readonly kind: 'message';
      readonly message_id: string;
      readonly text: string;
      readonly pieces: number;
    }
  | { readonly kind: 'reasoning'; readonly message_id: string; readonly text: string }
  | { readonly kind: 'event'; readonly event: TraceEvent; readonly internal: boolean }
  | {
      readonly kind: 'question';
      readonly id: string;
      readonly name?: string;
      readonly text?: string;
      readonly audience: 'contact' | 'service';
    }
  | {
      readonly kind: 'end';
      readonly type: 'result' | 'error' | 'cancelled';
      readonly reason?: string;
    };

interface TraceEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly event_data: unknown;
}

export interface ModelCall {
  readonly operation: string;
  readonly provider: string;
  readonly model: string;
  readonly request: ModelRequest | null;
  readonly answer: ModelAnswer | null;
  readonly tokens: {
    readonly prompt: number;
    readonly completion: number;
    readonly cached: number;
  } | null;
  readonly cost_usd: number | null;
  readonly tries: number;
  readonly first_piece_ms: number | null;
  readonly error: string | null;
  readonly replayed: boolean;
}

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: unknown;
  }[];
  readonly settings: Readonly<Record<string, unknown>>;
  readonly texts?: readonly string[];
  readonly query?: string;
}

export interface ModelMessage {
  readonly role: string;
  readonly parts: readonly ModelPart[];
}

export interface ModelPart {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly media_type?: string;
}

export interface ModelAnswer {
  readonly text: string;
  readonly reasoning?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly name: string;
    readonly input: unknown;
  }[];
  readonly finish_reason?: string;
  readonly vectors?: { readonly count: number; readonly dimensions: number };
  readonly ranking?: readonly { readonly index: number; readonly score: number }[];
}

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
}

export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly excerpt: readonly { readonly line: number; readonly text: string }[];
}

/** What a pipeline threw. */
export interface TraceError extends Thrown {
  readonly code: string;
  readonly detail: string;
  readonly source: SourcePosition | null;
  readonly causes: readonly Thrown[];
}

/** What happened in one attempt of a run. */
export interface Trace {
  readonly run_id: string;
  readonly thread_id: string;
  readonly chain_id: string;
  readonly attempt: number;
  readonly attempts: readonly number[];
  readonly status: RunSummary['status'];
  /** Whether the run was traced; else the entries are only what the database has of it. */
  readonly kept: boolean;
  /** How many entries are left out, as a trace is bounded. */
  readonly left_out: number;
  readonly accepted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly entries: readonly TraceEntry[];
  readonly state: {
    readonly before: Readonly<Record<string, unknown>>;
    readonly after: Readonly<Record<string, unknown>>;
  };
  readonly error: TraceError | null;
  readonly usage: readonly ModelUsage[] | null;
}
