// What the service sends, member by member as in its OpenAPI description. test/types-wire.ts proves that
// these are the schemas of the service.

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A thread. */
export interface Thread {
  readonly thread_id: string;
  readonly contact_id: string | null;
  readonly external_id: string | null;
  /** The thread that replaced this one, because a client edited a message. */
  readonly superseded_by: string | null;
  /** UTC, with microseconds; as all times here. */
  readonly created_at: string;
  /** What it was called, else the beginning of the contact's first message; null before that. */
  readonly title: string | null;
  readonly last_event_at: string;
  /** The beginning of the newest message, on one line. */
  readonly last_message: { readonly role: string; readonly excerpt: string } | null;
  /** Whether a question to the contact is open. */
  readonly waiting: boolean;
  readonly thread_config: JsonObject;
  /** The open question to the contact; only where one thread is read. */
  readonly question?: AskedQuestion;
  /** The run that greets; only in the answer to a request with `greet`. */
  readonly run_id?: string;
}

/** An event of a thread's log. */
export interface ThreadEvent {
  readonly event_id: string;
  readonly created_at: string;
  readonly event_type: string;
  readonly event_data: JsonObject;
  /** The run that it belongs to, null when that is not known; only in pages. */
  readonly run_id?: string | null;
}

/** A question where the run or the thread that it belongs to is shown. */
export interface AskedQuestion {
  readonly id: string;
  /** Of a question to a service. */
  readonly name?: string;
  readonly text?: string;
  readonly buttons?: readonly JsonObject[];
  /** The JSON Schema of an answer. */
  readonly schema?: JsonObject;
  readonly expires_at: string;
}

/** What a run used of one model. */
export interface ModelUsage {
  readonly model: string;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  /** Null when the price is not known. */
  readonly cost_usd: number | null;
}

/** What an app sent in a run. */
export interface SaidInRun {
  /** The text of the messages; messages with buttons are in `events` only. */
  readonly assistant_messages: readonly string[];
  readonly events: readonly { readonly event_type: string; readonly event_data: JsonObject }[];
}

/** The answer to a message. */
export interface ChatAnswer extends SaidInRun {
  readonly thread_id: string;
  readonly created_new_thread: boolean;
  /** What the app said first in a new thread; with `include: ['start']`. */
  readonly start?: SaidInRun;
  /** With `include: ['usage']`, for services. */
  readonly usage?: readonly ModelUsage[];
  /** Of a run that asked a question. */
  readonly status?: 'waiting' | 'completed' | 'cancelled';
  /** What the run waits for: the next message of the contact answers it. */
  readonly question?: AskedQuestion;
}

/** How a run went, without what it sent. */
export interface RunSummary {
  readonly run_id: string;
  readonly thread_id: string;
  /** `waiting`: it is over, and its question is open. */
  readonly status: 'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled';
  /** More than 1 when the run was lost and started again. */
  readonly attempt: number;
  /** The run that its pipeline began in; its own id when that is itself. */
  readonly chain_id: string;
  readonly accepted_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
  /** Null while it is not over, and for contacts. */
  readonly usage: readonly ModelUsage[] | null;
  readonly question: AskedQuestion | null;
}

/** A run. */
export interface Run extends RunSummary {
  readonly created_new_thread: boolean;
  /** The question that it answers. */
  readonly continues: string | null;
  /** The answer of a completed run; what the user saw of a cancelled one. */
  readonly result: ChatAnswer | null;
}

/** A file that is stored. */
export interface StoredFile {
  readonly file_id: string;
  readonly contact_id: string;
  readonly thread_id: string | null;
  readonly name: string;
  readonly media_type: string;
  /** In bytes. */
  readonly size: number;
  /** `sha256:`, and the digest in hex. */
  readonly digest: string;
  readonly created_at: string;
}

/** What the contact thinks of a message. */
export interface MessageFeedback {
  readonly thread_id: string;
  readonly message_id: string;
  readonly value: 'up' | 'down';
  readonly comment: string | null;
  readonly tags: readonly string[];
}

/** A page of a list: `next_cursor` is null on the last one. */
interface Page {
  readonly next_cursor: string | null;
}

export interface ThreadPage extends Page {
  readonly threads: readonly Thread[];
}

export interface EventPage extends Page {
  readonly events: readonly ThreadEvent[];
}

export interface RunPage extends Page {
  readonly runs: readonly RunSummary[];
}

export interface FeedbackPage extends Page {
  readonly feedback: readonly MessageFeedback[];
}

/** The body of a chat request. */
export interface ChatRequest {
  readonly contact_id?: string;
  readonly message: string;
  readonly thread_id?: string | null;
  readonly new_thread?: boolean;
  readonly thread_config?: JsonObject;
  readonly event_type?: string;
  readonly files?: readonly string[];
  readonly run_conversation_start_on_new_thread?: boolean;
  readonly include?: readonly Include[];
  readonly on_busy?: 'queue' | 'reject' | 'interrupt';
  readonly on_disconnect?: 'continue' | 'cancel';
  /** In seconds. */
  readonly timeout?: number;
  readonly answers?: string | null;
  readonly answer?: boolean;
}

/** What an answer or a stream can have beyond the text. */
export type Include =
  | 'thread'
  | 'start'
  | 'delta'
  | 'event'
  | 'usage'
  | 'step'
  | 'reasoning'
  | 'tool'
  | 'source'
  | 'file'
  | 'heartbeat';

/** A step of a run, or a tool: contacts see the title and the status of one that has a title. */
export interface Work {
  readonly id: string;
  readonly name?: string;
  readonly title?: string;
  readonly status: 'running' | 'completed' | 'failed';
  readonly input?: unknown;
  readonly output?: unknown;
  readonly error?: string;
}

interface OfMessage {
  readonly message_id: string;
}

/** A file of a message, as its event has it. */
export interface MessageFile {
  readonly file_id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size: number;
}

/** Where something in a message comes from. */
export interface MessageSource {
  readonly url: string;
  readonly title?: string;
  readonly excerpt?: string;
}

/** The data of each event of a run's stream, by its name. */
export interface StreamData {
  readonly thread: {
    readonly thread_id: string;
    readonly created_new_thread: boolean;
    readonly run_id: string;
  };
  readonly status: { readonly status: string; readonly type: string };
  readonly delta: OfMessage & { readonly delta: string };
  readonly reasoning: OfMessage & { readonly delta: string };
  readonly event: Pick<ThreadEvent, 'event_id' | 'event_type' | 'event_data'>;
  readonly step: Work;
  readonly tool: OfMessage & Work;
  readonly source: OfMessage & MessageSource;
  readonly file: OfMessage & MessageFile;
  /** The run was lost and runs again: what came before does not count. */
  readonly restarted: { readonly attempt: number };
  readonly result: ChatAnswer;
  readonly error: { readonly detail: string; readonly code?: string };
  readonly cancelled: SaidInRun & {
    readonly run_id: string;
    readonly reason: 'cancelled' | 'interrupted' | 'disconnected' | 'shutting_down';
  };
}

/** An event of a run's stream. The last one is a `result`, an `error` or a `cancelled`. */
export type StreamEvent = {
  readonly [Name in keyof StreamData]: {
    /** `<attempt>.<number>`; a `thread` has none. */
    readonly id: string | undefined;
    readonly event: Name;
    readonly data: StreamData[Name];
  };
}[keyof StreamData];
