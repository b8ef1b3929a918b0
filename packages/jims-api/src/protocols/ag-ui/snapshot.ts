// What was said in a thread, as a run of its own: its messages, what they have beside text, and the question
// that is open.
import type { QuestionRecord, ThreadEvent } from 'jims-core';

import type { FileAddress } from '../../chat/file-address.ts';
import { filesOf, reasoningOf, sourcesOf } from '../../chat/message-members.ts';
import { assistantText, listedText, questionIdOf, userText } from '../../chat/messages.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { buttonsEvents, fileEvent, frame, outcomeBy, sourceEvent, started } from './events.ts';
import type { AgUiEvent, ClientRun } from './events.ts';
import { filePart } from './files.ts';
import { isApproval } from './interrupts.ts';
import { listedCall } from './work.ts';

export interface SnapshotOptions {
  readonly fileAddress: FileAddress;
  /** The question of the thread that is open, for a client that answers interrupts. */
  readonly question: QuestionRecord | undefined;
}

export async function* encodeSnapshot(
  events: readonly ThreadEvent[],
  client: ClientRun,
  options: SnapshotOptions,
): AsyncGenerator<SseFrame, void, void> {
  const { question } = options;
  const { threadId, runId } = client;
  yield started(client);
  const messages = events.flatMap((event) => messagesOf(event, options));
  yield frame({ type: 'MESSAGES_SNAPSHOT', messages });
  for (const event of events) yield* besideText(event, options.fileAddress).map(frame);
  yield frame({ type: 'RUN_FINISHED', threadId, runId, ...(question && outcomeBy(question)) });
}

function messagesOf(event: ThreadEvent, { fileAddress, question }: SnapshotOptions): object[] {
  const { id } = event;
  const said = userText(event);
  if (said !== undefined) {
    const text = listedText(event) ?? said;
    const files = filesOf(event).map((file) => filePart(file, fileAddress));
    const texts = text === '' ? [] : [{ type: 'text', text }];
    return [{ id, role: 'user', content: files.length === 0 ? text : [...texts, ...files] }];
  }
  const content = assistantText(event);
  if (content === undefined) return [];
  const isOpen = question !== undefined && questionIdOf(event) === question.questionId;
  const toolCalls = isOpen && isApproval(question) && [listedCall(question.questionId, event)];
  const answer = { id, role: 'assistant', content, ...(toolCalls && { toolCalls }) };
  const reasoning = reasoningOf(event);
  if (reasoning === undefined) return [answer];
  return [{ id: `${id}:reasoning`, role: 'reasoning', content: reasoning }, answer];
}

/** As they come with the message when it is new. */
function besideText(event: ThreadEvent, fileAddress: FileAddress): AgUiEvent[] {
  if (assistantText(event) === undefined) return [];
  return [
    ...sourcesOf(event).map((source) => sourceEvent(event.id, source)),
    ...filesOf(event).map((file) => fileEvent(event.id, file, fileAddress)),
    ...buttonsEvents(event),
  ];
}
