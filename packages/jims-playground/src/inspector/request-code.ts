import type { ThreadEvent, Thread } from 'jims-client';

/** What started a run, as far as the log of its thread has it. */
export interface SentMessage {
  readonly eventId: string;
  readonly text: string;
  readonly type: string;
  readonly fileIds: readonly string[];
}

/** The message that a run answers. */
export function sentMessageOf(event: ThreadEvent): SentMessage {
  const { content, files } = event.event_data;
  const fileIds = Array.isArray(files) ? files.flatMap(fileIdOf) : [];
  return {
    eventId: event.event_id,
    text: typeof content === 'string' ? content : '',
    type: event.event_type,
    fileIds,
  };
}

function fileIdOf(file: unknown): string[] {
  const isFile = typeof file === 'object' && file !== null && 'file_id' in file;
  return isFile ? [String(file.file_id)] : [];
}

const USER_MESSAGE = 'comm.user_message';
const INCLUDE = [
  'thread',
  'delta',
  'event',
  'step',
  'reasoning',
  'tool',
  'source',
  'file',
  'usage',
];

export interface CodeOptions {
  readonly url: string;
  readonly hasKey: boolean;
  readonly thread: Pick<Thread, 'thread_id' | 'contact_id'>;
  readonly sent: SentMessage;
}

/** The body of `POST /threads/ID/runs` that sends the same message. */
export function runBodyOf({ text, type, fileIds }: SentMessage): Readonly<Record<string, unknown>> {
  return {
    message: text,
    ...(type !== USER_MESSAGE && { event_type: type }),
    ...(fileIds.length > 0 && { files: fileIds }),
  };
}

/** The request that sends the message of a run, for a shell. */
export function curlOf({ url, hasKey, thread, sent }: CodeOptions): string {
  const body = {
    contact_id: thread.contact_id ?? '',
    thread_id: thread.thread_id,
    ...runBodyOf(sent),
    include: INCLUDE,
  };
  return [
    `curl -N ${quoted(`${url}api/v1/chat/stream`)}`,
    ...(hasKey ? [`-H "authorization: Bearer $JIMS_API_KEY"`] : []),
    `-H 'content-type: application/json'`,
    `-d ${quoted(JSON.stringify(body))}`,
  ].join(' \\\n  ');
}

/** The same, with `jims-client`. */
export function clientCodeOf({ url, hasKey, thread, sent }: CodeOptions): string {
  const client = [
    `  url: ${JSON.stringify(url.replace(/\/$/, ''))},`,
    ...(hasKey ? ['  token: process.env.JIMS_API_KEY,'] : []),
    `  contactId: ${JSON.stringify(thread.contact_id ?? '')},`,
  ];
  const options = [
    `  threadId: ${JSON.stringify(thread.thread_id)},`,
    ...(sent.type === USER_MESSAGE ? [] : [`  eventType: ${JSON.stringify(sent.type)},`]),
    ...(sent.fileIds.length === 0 ? [] : [`  files: ${JSON.stringify(sent.fileIds)},`]),
  ];
  return `import { JimsClient } from 'jims-client';

const jims = new JimsClient({
${client.join('\n')}
});

const events = jims.stream(${JSON.stringify(sent.text)}, {
${options.join('\n')}
});
for await (const event of events) console.log(event);
`;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
