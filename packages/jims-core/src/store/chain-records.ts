import type { JsonObject } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';

/** What is kept of a chain from its beginning, the same in each of its executions. */
export interface KeptRun {
  /** Whose request began the chain. Never a token or a claim. */
  readonly principal?: Principal;
  /** The app's version that began it. */
  readonly version?: string;
  readonly timeoutMs?: number;
  readonly requestId?: string;
  readonly caller?: string;
  readonly conversationStart?: boolean;
  /** Whether the chain is of the conversation-start pipeline alone. */
  readonly greets?: boolean;
  /** False when the client has no way to answer a question. */
  readonly canAnswer?: boolean;
  /** Whether the run is cancelled when its client leaves: nobody waits for it after its process died. */
  readonly stopsUnread?: boolean;
}

/** The place of a run in its chain. */
export interface RunChain {
  readonly chainId: string;
  /** The question that this run is the answer to; `undefined` for the first run. */
  readonly continues: string | undefined;
  readonly kept: KeptRun;
  /** The thread's config as it was when the chain began. */
  readonly config: JsonObject;
}

/** One result of a chain. */
export interface JournalEntry {
  /** 0, 1, 2 … within the chain: the order in which results are given to the pipeline. */
  readonly seq: number;
  /** `start` for the conversation-start pipeline. */
  readonly part: 'start' | 'main';
  readonly kind: 'step' | 'stream' | 'model' | 'ask';
  readonly name: string;
  /** Which one of its part, kind and name it is, from 1 on. */
  readonly nth: number;
  /** How many calls and sends its pipeline had made before it. */
  readonly call: number;
  /** A digest of its input, where one was given. */
  readonly input?: string;
  readonly outcome: EntryOutcome;
  readonly usage?: readonly JsonObject[];
  /** When it was made, in milliseconds since 1970 by the clock of its process: kept as it is. */
  readonly at: number;
  /** The run and the attempt that stored it, and the app's version. */
  readonly runId: string;
  readonly attempt: number;
  readonly version?: string;
}

export type EntryOutcome =
  /** As JSON text; `undefined` for work that gave `undefined`. */
  | { readonly kind: 'value'; readonly json: string | undefined }
  | { readonly kind: 'error'; readonly error: JsonObject }
  /** The run ended with this question; the run that continues it has the answer. */
  | { readonly kind: 'asked'; readonly questionId: string };

/** Who is asked: the contact of the thread, or a service. */
export type Audience = 'contact' | 'service';

/** A question that a run ends with. */
export interface NewQuestion {
  readonly questionId: string;
  readonly chainId: string;
  readonly audience: Audience;
  readonly name?: string;
  /** The text that a contact was asked. */
  readonly text?: string;
  readonly data?: JsonObject;
  /** The JSON Schema of an answer. */
  readonly schema?: JsonObject;
  readonly buttons?: readonly JsonObject[];
  /** Types of the events that answer it. */
  readonly accepts: readonly string[];
  /** Only an event with one of these contents answers it; left out: any. */
  readonly contents?: readonly string[];
  /** Whether a message answers it that was waiting in the line when it was asked. */
  readonly early: boolean;
  /** Whether the pipeline goes on when the question is withdrawn. */
  readonly tell: boolean;
  readonly expiresInMs: number;
  /** Kept where the chain has nothing kept yet, as it began as a run that was not durable. */
  readonly kept: KeptRun;
  readonly config: JsonObject;
}

/** Why a question was withdrawn: declined by a message, replaced by a newer question, by a cancel, or with its thread. */
export type Withdrawn = 'declined' | 'superseded' | 'cancelled' | 'replaced';

/** All that is kept of a question. */
export interface QuestionRecord extends Omit<NewQuestion, 'expiresInMs' | 'kept' | 'config'> {
  readonly threadId: string;
  readonly contactId: string | undefined;
  /** The run that asked it. */
  readonly runId: string;
  readonly state: 'open' | 'answered' | 'expired' | 'withdrawn';
  readonly reason: Withdrawn | undefined;
  /** The run that its answer, or its end, started. */
  readonly answeredBy: string | undefined;
  readonly askedAt: string;
  readonly expiresAt: string;
  readonly closedAt: string | undefined;
}
