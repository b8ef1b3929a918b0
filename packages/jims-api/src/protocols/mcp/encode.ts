import type { QuestionRecord, Run, RunEnd, ThreadEvent } from 'jims-core';

import { resultOf } from '../../chat/answer-run.ts';
import { assistantText, questionIdOf } from '../../chat/messages.ts';
import type { Sees } from '../../chat/visibility.ts';
import { errorText, toHttpError } from '../../http/error-response.ts';
import type { ErrorAnswerOptions } from '../../http/error-response.ts';
import type { HttpError } from '../../http/errors.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { contentOf } from './content.ts';
import type { ContentOptions } from './content.ts';
import type { Embed } from './embedded-files.ts';
import { CallProgress, messageFrame } from './progress.ts';
import type { ProgressOptions } from './progress.ts';

/** How a run is shown to the caller of the tool. */
export interface ResultOptions extends ErrorAnswerOptions, ContentOptions {
  /** Which of the run's events they may see. */
  readonly sees: Sees;
  readonly embed: Embed;
  /** What the runs before sent, whose questions were answered. */
  readonly earlier?: readonly ThreadEvent[];
}

export interface CallFramesOptions extends ResultOptions, ProgressOptions {
  readonly id: RpcId;
  /** Aborted when the client cancelled its call: then it wants no answer. */
  readonly takenBack: AbortSignal | undefined;
  /**
   * Waits for the answer to a question that the client was asked: gives the run that goes on, `undefined`
   * when none does. Left out for a client that cannot ask.
   */
  readonly answered?: ((question: QuestionRecord) => Promise<Run | undefined>) | undefined;
}

/**
 * A run as the stream of a tool call: progress, with its statuses, then the result. A question is asked
 * in between, where the client can: then the result is that of all runs together, without the question.
 */
export async function* callFrames(
  run: Run,
  options: CallFramesOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { id, takenBack, answered } = options;
  const progress = new CallProgress(options);
  const earlier: ThreadEvent[] = [];
  for (let current: Run | undefined = run; current;) {
    const end: RunEnd = yield* progress.during(current);
    if (takenBack?.aborted) return;
    const question: QuestionRecord | undefined = answered && openQuestion(end);
    current = question && answered && (yield* progress.asking(question, answered(question)));
    if (current && end.type === 'result') earlier.push(...end.result.events);
    else if (!takenBack?.aborted) {
      const result = await encodeEnd(run, end, { ...options, earlier });
      yield messageFrame(rpcResult(id, result));
    }
  }
}

/** The question to the user that a run has ended with, when it is open. */
export function openQuestion(end: RunEnd): QuestionRecord | undefined {
  const question = end.type === 'result' ? end.result.question : undefined;
  return question?.audience === 'contact' && question.state === 'open' ? question : undefined;
}

/** The run that a call began with. */
export type FirstRun = Pick<Run, 'thread' | 'createdThread'>;

/** How a run ended, as what its tool call gives. */
export async function encodeEnd(
  run: FirstRun,
  end: RunEnd,
  options: ResultOptions,
): Promise<object> {
  try {
    return await encodeResult(run, resultOf(end).events, options);
  } catch (error) {
    return encodeFailure(toHttpError(error, options));
  }
}

/** A failure that the model is to read. */
export function encodeFailure(error: HttpError): object {
  return { content: [{ type: 'text', text: errorText(error) }], isError: true };
}

async function encodeResult(
  run: FirstRun,
  newest: readonly ThreadEvent[],
  options: ResultOptions,
): Promise<object> {
  // What the client has asked its user is not a part of the result: a model would take it for an open question.
  const earlier = options.earlier?.filter((event) => questionIdOf(event) === undefined) ?? [];
  const events = [...earlier, ...newest];
  const embedded = await options.embed(events);
  const texts = events.flatMap((event) => assistantText(event) || []);
  return {
    content: events.flatMap((event) => contentOf(event, embedded, options)),
    structuredContent: {
      thread_id: run.thread.id,
      created_new_thread: run.createdThread,
      assistant_messages: texts,
      events: events
        .filter(({ type }) => options.sees(type))
        .map(({ type, data }) => ({ event_type: type, event_data: data })),
    },
  };
}
