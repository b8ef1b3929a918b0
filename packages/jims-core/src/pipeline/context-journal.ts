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
  /** Makes a message piece by piece. `onText` sends it, just before its promise resolves. */
  stream(work: (messageId: string) => Promise<string>, message: StreamedMessage): Promise<string>;
  askContact<T>(
    question: string | AsyncIterable<string>,
    options: AskOptions<T>,
    stream: (chunks: AsyncIterable<string>, send: StreamedMessage['send']) => Promise<string>,
  ): Promise<ContactAnswer<T>>;
  askService<T>(question: ServiceQuestion<T>): Promise<ServiceAnswer<T>>;
}

/** A streamed message: what it is read from, and how it is sent when it is whole. */
export interface StreamedMessage {
  readonly source: AsyncIterable<string>;
  readonly send: (text: string, messageId: string) => void;
}
