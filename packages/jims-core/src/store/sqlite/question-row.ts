import type { JsonObject } from '../../thread/event.ts';
import type { Audience, QuestionRecord } from '../store.ts';
import { fromHex, parseStoredJson, parseStoredObject, uuidOrNone } from './columns.ts';
import { toPublicTime } from './timestamp.ts';

export type QuestionRow = readonly [
  questionId: string,
  chainId: string,
  runId: string,
  threadId: string,
  contactId: string | null,
  audience: Audience,
  state: QuestionRecord['state'],
  reason: QuestionRecord['reason'] | null,
  answeredBy: string | null,
  askedAt: string,
  expiresAt: string,
  closedAt: string | null,
  early: number,
  tell: number,
  accepts: string,
  name: string | null,
  text: string | null,
  data: string | null,
  schema: string | null,
  buttons: string | null,
  contents: string | null,
];

/** The columns of a {@link QuestionRow}: of the question, and of its thread. */
export const QUESTION = `q.question_id, q.chain_id, q.run_id, q.thread_id, t.contact_id, q.audience, q.state,
       q.reason, q.answered_by, q.asked_at, q.expires_at, q.closed_at, q.early, q.tell, q.accepts,
       q.name, q.text, q.data, q.schema, q.buttons, q.contents`;

export function toQuestion(row: QuestionRow): QuestionRecord {
  const [questionId, chainId, runId, threadId, contactId, audience, state, reason] = row;
  const [, , , , , , , , answeredBy, askedAt, expiresAt, closedAt, early, tell, accepts] = row;
  const [name, text, data, schema, buttons, contents] = row.slice(15) as readonly (string | null)[];
  return {
    questionId: fromHex(questionId),
    chainId: fromHex(chainId),
    threadId: fromHex(threadId),
    contactId: contactId ?? undefined,
    runId: fromHex(runId),
    audience,
    state,
    reason: reason ?? undefined,
    answeredBy: uuidOrNone(answeredBy),
    askedAt: toPublicTime(askedAt),
    expiresAt: toPublicTime(expiresAt),
    closedAt: closedAt === null ? undefined : toPublicTime(closedAt),
    early: early === 1,
    tell: tell === 1,
    accepts: parseStoredJson(accepts) as readonly string[],
    ...(name != null && { name }),
    ...(text != null && { text }),
    ...(data != null && { data: parseStoredObject(data) }),
    ...(schema != null && { schema: parseStoredObject(schema) }),
    ...(buttons != null && { buttons: parseStoredJson(buttons) as readonly JsonObject[] }),
    ...(contents != null && { contents: parseStoredJson(contents) as readonly string[] }),
  };
}
