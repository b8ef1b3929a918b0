import { CHAT_INCLUDES } from 'jims-client';
import type { Thread, ThreadEvent } from 'jims-client';

/** What started a run, as the log of its thread has it. */
export interface SentMessage {
  readonly eventId: string;
  readonly text: string;
  readonly type: string;
  readonly fileIds: readonly string[];
  /** The answer of a service, where that started it. */
  readonly answer?: { readonly questionId: string; readonly value: unknown };
}

const USER_MESSAGE = 'comm.user_message';
const ANSWERED = 'jims.question_answered';
const INCLUDE = [...CHAT_INCLUDES, 'usage'];

/** What a run answers. */
export function sentMessageOf(event: ThreadEvent): SentMessage {
  const { content, files, question_id: questionId, value } = event.event_data;
  const isAnswer = event.event_type === ANSWERED && typeof questionId === 'string';
  return {
    eventId: event.event_id,
    text: typeof content === 'string' ? content : '',
    type: event.event_type,
    fileIds: Array.isArray(files) ? files.flatMap(fileIdOf) : [],
    ...(isAnswer && { answer: { questionId, value } }),
  };
}

function fileIdOf(file: unknown): string[] {
  const isFile = typeof file === 'object' && file !== null && 'file_id' in file;
  return isFile ? [String(file.file_id)] : [];
}

export interface CodeOptions {
  readonly url: string;
  readonly hasKey: boolean;
  readonly thread: Pick<Thread, 'thread_id' | 'contact_id'>;
  readonly sent: SentMessage;
}

/** Whether a client can send it: the service starts some runs by itself. */
export function isSendable({ type, answer }: SentMessage): boolean {
  return answer !== undefined || !type.startsWith('jims.');
}

/** The body of `POST /threads/ID/runs` that sends the same message. */
export function runBodyOf({ text, type, fileIds }: SentMessage): Readonly<Record<string, unknown>> {
  return {
    message: text,
    ...(type !== USER_MESSAGE && { event_type: type }),
    ...(fileIds.length > 0 && { files: fileIds }),
  };
}

/** The request that started a run, for a shell. */
export function curlOf({ url, hasKey, thread, sent }: CodeOptions): string {
  const { answer } = sent;
  const path = answer ? `questions/${answer.questionId}/answer` : 'chat/stream';
  const body = answer
    ? { value: answer.value }
    : {
        contact_id: thread.contact_id ?? '',
        thread_id: thread.thread_id,
        ...runBodyOf(sent),
        include: INCLUDE,
      };
  return [
    `curl -N ${quoted(`${url}api/v1/${path}`)}`,
    ...(hasKey ? ['-H "authorization: Bearer $JIMS_API_KEY"'] : []),
    `-H 'content-type: application/json'`,
    `-d ${quoted(JSON.stringify(body))}`,
  ].join(' \\\n  ');
}

/** The same, with `jims-client`. */
export function clientCodeOf({ url, hasKey, thread, sent }: CodeOptions): string {
  const client = [
    `  url: ${literal(url.replace(/\/$/, ''))},`,
    ...(hasKey ? ['  token: process.env.JIMS_API_KEY,'] : []),
    `  contactId: ${literal(thread.contact_id ?? '')},`,
  ];
  return `import { JimsClient } from 'jims-client';

const jims = new JimsClient({
${client.join('\n')}
});

${sent.answer ? answerCode(sent.answer) : messageCode(thread, sent)}
`;
}

function messageCode({ thread_id: threadId }: CodeOptions['thread'], sent: SentMessage): string {
  const options = [
    `  threadId: ${literal(threadId)},`,
    ...(sent.type === USER_MESSAGE ? [] : [`  eventType: ${literal(sent.type)},`]),
    ...(sent.fileIds.length === 0 ? [] : [`  files: ${literal(sent.fileIds)},`]),
  ];
  return `const events = jims.stream(${literal(sent.text)}, {
${options.join('\n')}
});
for await (const event of events) console.log(event);`;
}

function answerCode({ questionId, value }: NonNullable<SentMessage['answer']>): string {
  return `const run = await jims.request('/api/v1/questions/${questionId}/answer', {
  body: { value: ${literal(value)} },
});
console.log(run);`;
}

function literal(value: unknown): string {
  return JSON.stringify(value);
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
