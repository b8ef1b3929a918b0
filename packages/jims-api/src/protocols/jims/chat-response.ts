import type { QuestionRecord, Run, RunResult, ThreadEvent } from 'jims-core';

import { askedStatusOf } from '../../chat/run-status.ts';
import { usageOnWire } from '../../chat/usage.ts';
import type { Sees, ViewOptions } from '../../chat/visibility.ts';
import { askedQuestion } from './asked-question.ts';
import type { ChatResponse, Include } from './schemas.ts';

export interface ChatResponseOptions extends Pick<ViewOptions, 'sees' | 'seesWork'> {
  readonly include: ReadonlySet<Include>;
  /** The question of the run as it stands now; default: as it was when the run ended. */
  readonly question?: QuestionRecord | undefined;
}

/**
 * The answer to a chat request: the original's members, those that `include` names, and the question
 * that the run ended with.
 */
export function chatResponse(
  run: Run,
  result: RunResult,
  { include, sees, seesWork, question = result.question }: ChatResponseOptions,
): ChatResponse {
  return {
    thread_id: run.thread.id,
    created_new_thread: run.createdThread,
    ...said(result.events, sees),
    ...(include.has('start') && { start: said(result.startEvents, sees) }),
    ...(include.has('usage') && { usage: (result.usage ?? []).map(usageOnWire) }),
    ...(question && asked(question, { seesWork })),
  };
}

function asked(
  question: QuestionRecord,
  view: Pick<ViewOptions, 'seesWork'>,
): Pick<ChatResponse, 'status' | 'question'> {
  const status = askedStatusOf(question);
  const shown = status === 'waiting' ? askedQuestion(question, view) : undefined;
  return { status, ...(shown && { question: shown }) };
}

/** The events of a run that a caller may see. Messages with buttons are in `events` only. */
export function said(
  sent: readonly ThreadEvent[],
  sees: Sees,
): Pick<ChatResponse, 'assistant_messages' | 'events'> {
  return {
    assistant_messages: sent
      .filter((event) => event.type === 'comm.assistant_message')
      .map((event) => String(event.data['content'])),
    events: sent
      .filter((event) => sees(event.type))
      .map((event) => ({ event_type: event.type, event_data: event.data })),
  };
}
