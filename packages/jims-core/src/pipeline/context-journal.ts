import type { MessageBody } from './message-body.ts';
import type { MessageOptions, MessagePieces } from './message-part.ts';
import type { AskOptions, ContactAnswer, ServiceAnswer, ServiceQuestion } from './question.ts';
import type { StepOptions, StepScope } from './step.ts';
import type { ThreadLog } from './thread-log.ts';

/** What a pipeline does once, and what it sees of its chain of runs. */
export interface ContextJournal {
  readonly chainId: string;
  readonly chainVersion: string | undefined;
  /** The thread's log as it was when the pipeline first came to where it is. */
  readonly log: ThreadLog;
  /** In milliseconds since 1970. */
  now(): number;
  random(): number;
  step<T>(
    name: string,
    work: (scope: StepScope) => T | Promise<T>,
    options: StepOptions,
  ): Promise<T>;
  /** Makes a message piece by piece. `send` sends it, just before its promise resolves with its text. */
  stream(work: ReadMessage, message: StreamedMessage): Promise<string>;
  askContact<T>(
    question: string | MessagePieces,
    options: AskOptions<T>,
    stream: (pieces: MessagePieces, send: StreamedMessage['send']) => Promise<string>,
  ): Promise<ContactAnswer<T>>;
  askService<T>(question: ServiceQuestion<T>): Promise<ServiceAnswer<T>>;
}

/** Reads a message to its end. */
export type ReadMessage = (
  messageId: string,
  pieces: MessagePieces,
  options: MessageOptions,
) => Promise<MessageBody>;

/** A streamed message: what it is read from, and how it is sent when it is whole. */
export interface StreamedMessage {
  readonly source: MessagePieces;
  readonly options: MessageOptions;
  readonly send: (body: MessageBody, messageId: string) => void;
}
