import type { MessageSource } from '../../thread/message.ts';
import type { ChatOptions } from '../chat/request.ts';
import type { AnswerPiece } from '../chat/streamed-answer.ts';
import type { FinishReason } from '../finish-reasons.ts';
import type { AnswerSchema } from '../schemas/json-schema.ts';

/** A tool that `ctx.llm.run` calls when the model wants it. */
export interface RunTool<T = unknown> {
  /** What the tool does, for the model. */
  readonly description: string;
  /** What the tool takes, an object: a schema of zod, valibot, arktype, …; default: nothing. */
  readonly schema?: AnswerSchema<T>;
  /**
   * Does the work. The model gets what it gives: a string as it is, anything else as JSON, of which more
   * than 16 KiB are cut. An error that it throws goes to the model, too.
   */
  readonly execute: (input: T, scope: ToolScope) => unknown;
  /** What a contact sees of the call; default: nothing. */
  readonly title?: string | ((input: T) => string | Promise<string>);
  /** Whether the contact is asked before the tool is called; default: no. */
  readonly needsApproval?: boolean | ((input: T) => boolean | Promise<boolean>);
  /** The question to the contact; default: the title. */
  readonly approvalText?: string | ((input: T) => string | Promise<string>);
}

/**
 * Gives a tool as it is. Its input has the type of its schema, also where the tool stands by itself and not in a
 * call of `ctx.llm.run`.
 *
 * @example
 * const findOrder = defineTool({
 *   description: 'Finds an order by its number',
 *   schema: v.object({ id: v.string() }),
 *   execute: ({ id }) => orders.find(id),
 * });
 */
export function defineTool<T>(tool: RunTool<T>): RunTool<T> {
  return tool;
}

/** What a tool gets beside its input. */
export interface ToolScope {
  /** Aborts when the run is stopped: pass it to whatever waits. */
  readonly signal: AbortSignal;
  /** Names this call, the same in each process that makes it again after a crash. */
  readonly idempotencyKey: string;
  /** Says what the tool is doing; see `ThreadContext.updateAgentStatus`. */
  readonly status: (message: string) => void;
  /** Says where the answer comes from: a source of the message that is being made. */
  readonly source: (source: MessageSource) => void;
}

/** Tools by their names. The input of each is what its own schema gives. */
export type RunTools<T> = { readonly [Name in keyof T]: RunTool<T[Name]> };

/** Options of `ctx.llm.run`. */
export interface RunOptions<T = Readonly<Record<string, never>>> extends RoundOptions {
  /** What the model may call; default: nothing. */
  readonly tools?: RunTools<T>;
}

/** Options of `ctx.llm.run` that say how its rounds go. */
export interface RoundOptions extends ChatOptions {
  /**
   * How many answers may call tools. Then the model is asked once more, and must answer without them.
   * Default 8.
   */
  readonly maxRounds?: number;
  /** Whether to end after the tools of a round, without another answer. It must only look at what it gets. */
  readonly stopWhen?: (soFar: RunSoFar) => boolean;
  /** Called after each round, also for one that comes from a journal. */
  readonly onRound?: (round: RunRound) => void;
  /** The buttons of a question for approval; default `Yes` and `No`. */
  readonly approvalButtons?: { readonly yes: string; readonly no: string };
}

/** What the rounds so far came to. */
export interface RunSoFar {
  readonly rounds: number;
  readonly calls: readonly RunCall[];
  readonly text: string;
}

/** One answer of the model, and what its tools gave. */
export interface RunRound {
  /** Its number, from 1 on. */
  readonly round: number;
  readonly text: string;
  readonly calls: readonly RunCall[];
  readonly finishReason: FinishReason;
}

/** A call of a tool that is over. */
export interface RunCall {
  readonly id: string;
  readonly name: string;
  /** As the model wrote it; its JSON where it is JSON. */
  readonly input: unknown;
  /** What the model got. */
  readonly output?: unknown;
  /** What went wrong, if it did. */
  readonly error?: string;
}

/** A call of a tool, and its end. */
export type ToolPart =
  /** A tool is called. Without a title it is the service's own matter, as a step is. */
  | {
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly input: unknown;
      readonly title?: string;
    }
  /** The tool is done, or has failed. */
  | {
      readonly type: 'tool-result';
      readonly id: string;
      readonly output?: unknown;
      readonly error?: string;
    };

/** A piece of the answer of `ctx.llm.run`. */
export type AnswerPart =
  | AnswerPiece
  | ToolPart
  /** What a tool said that the answer comes from. */
  | ({ readonly type: 'source' } & MessageSource);
