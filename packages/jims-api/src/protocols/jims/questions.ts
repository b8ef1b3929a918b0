import type { QuestionRecord } from 'jims-core';
import { answerFaults } from 'jims-core/host';
import * as v from 'valibot';

import { idempotencyOf } from '../../chat/idempotency.ts';
import { questionNotFound, questionToContact } from '../../chat/questions.ts';
import { requireMessageSize } from '../../chat/sent-limits.ts';
import { toCursor } from '../../http/cursor.ts';
import { notFound, validationError } from '../../http/errors.ts';
import { jsonObject, uuid } from '../../http/fastapi/fields.ts';
import { parseBody, valueFault } from '../../http/fastapi/validation.ts';
import { json, largeJson } from '../../http/json-answer.ts';
import { inPath, inQuery } from '../../http/parameters.ts';
import { cursorIn, uuidInPath, uuidInQuery, wordIn } from '../../http/query.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, ErrorStatus, Parameter, Route } from '../../http/route.ts';
import { described, titled } from '../../http/schema.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { ACCEPTED, INCLUDE, acceptedAnswer, runIncludesIn } from './run-answer.ts';
import { IDEMPOTENCY_KEY } from './schemas.ts';

const AUDIENCES = ['contact', 'service'] as const;
const STATES = ['open', 'answered', 'expired', 'withdrawn'] as const;

const time = described(v.string(), 'UTC, with microseconds');

export const QuestionResource = titled('Question', {
  question_id: uuid,
  audience: described(v.picklist(AUDIENCES), 'Who is to answer'),
  state: v.picklist(STATES),
  reason: described(
    v.nullable(v.picklist(['declined', 'superseded', 'cancelled', 'replaced'])),
    'Why it was withdrawn',
  ),
  name: described(v.nullable(v.string()), 'What is asked, such as approve refund'),
  text: described(v.nullable(v.string()), 'What the contact was asked'),
  data: described(v.nullable(jsonObject), 'What a service needs to know to answer'),
  buttons: v.nullable(v.array(jsonObject)),
  schema: described(v.nullable(jsonObject), 'The JSON Schema of the answer'),
  thread_id: uuid,
  contact_id: v.nullable(v.string()),
  run_id: described(uuid, 'The run that asked'),
  chain_id: described(uuid, 'The run that its pipeline began in'),
  continued_by: described(
    v.nullable(uuid),
    'The run that the answer, or the end of the question, started',
  ),
  asked_at: time,
  expires_at: time,
  closed_at: v.nullable(time),
});

export type QuestionResource = v.InferOutput<typeof QuestionResource>;

const AnswerBody = titled(
  'Answer',
  {
    value: described(v.unknown(), 'The answer, which fits the JSON Schema of the question'),
  },
  { examples: [{ value: { approved: true } }] },
);

const QUESTION_ID: Parameter = inPath('question_id', 'The question');

const tags = ['questions'];
const errors: readonly ErrorStatus[] = [401, 404, 422, 503];

/** For services: to a contact, a question is a part of its run and its thread. */
export const questionRoutes: readonly Route[] = [
  route.get('/api/v1/questions', listQuestions, {
    operationId: 'list_questions',
    summary: 'Questions of pipelines, oldest first',
    description: 'For services. `audience=service&state=open` is what is to be decided.',
    tags,
    parameters: [
      inQuery('audience', 'Only questions to contacts, or to services', v.picklist(AUDIENCES)),
      inQuery('state', 'Only questions in this state', v.picklist(STATES)),
      inQuery('thread_id', 'Only those of this thread', v.pipe(v.string(), v.uuid())),
      inQuery('contact_id', 'Only those in threads of this contact'),
      ...PAGE,
    ],
    responses: { 200: pageDoc('QuestionPage', 'questions', QuestionResource) },
    errors: [...errors, 429],
  }),
  route.get('/api/v1/questions/:question_id', getQuestion, {
    operationId: 'get_question',
    summary: 'One question',
    description: 'For services.',
    tags,
    parameters: [QUESTION_ID],
    responses: { 200: { description: 'The question', schema: QuestionResource } },
    errors,
  }),
  route.post('/api/v1/questions/:question_id/answer', answerQuestion, {
    operationId: 'answer_question',
    summary: 'Answer a question to a service',
    description:
      'For services. Its pipeline goes on in the run that the answer has. A value that does not fit the schema of the question is 422 and leaves it open; a question that was answered or withdrawn is 409 `question_closed`, one whose time is over 410 `question_expired`.',
    tags,
    parameters: [QUESTION_ID, IDEMPOTENCY_KEY, INCLUDE],
    request: AnswerBody,
    responses: { 202: ACCEPTED },
    errors: [400, 409, 410, 413, ...errors],
  }),
];

async function listQuestions(api: ApiContext, call: Call): Promise<Response> {
  if (call.principal.kind === 'contact') throw notFound();
  const audience = wordIn(call, 'audience', AUDIENCES);
  const state = wordIn(call, 'state', STATES);
  const threadId = uuidInQuery(call, 'thread_id');
  const contactId = call.query.get('contact_id');
  const after = cursorIn(call);
  const limit = limitIn(call);
  return answerInTurn(api, call, async (end) => {
    const { questions, more } = await api.app.questions.list({
      limit,
      ...(audience && { audience }),
      ...(state && { state }),
      ...(threadId !== undefined && { threadId }),
      ...(contactId !== null && { contactId }),
      ...(after && { after: after.id }),
    });
    const last = more ? questions.at(-1) : undefined;
    const page = {
      questions: questions.map(questionResource),
      next_cursor: last ? toCursor({ createdAt: last.askedAt, id: last.questionId }) : null,
    };
    return largeJson(call, page, end);
  });
}

async function getQuestion(api: ApiContext, call: Call): Promise<Response> {
  const questionId = uuidInPath(call, 'question_id');
  const isService = call.principal.kind === 'service';
  const question = isService ? await api.app.questions.find(questionId) : undefined;
  if (!question) throw questionNotFound(questionId);
  return json(call, questionResource(question));
}

/** Goes on with the pipeline that asked, and says where to look. */
async function answerQuestion(api: ApiContext, call: Call): Promise<Response> {
  const questionId = uuidInPath(call, 'question_id');
  const { kind, id } = call.principal;
  const question = kind === 'service' ? await api.app.questions.find(questionId) : undefined;
  if (!question) throw questionNotFound(questionId);
  if (question.audience === 'contact') throw questionToContact(questionId);
  const include = runIncludesIn(call);
  const { value } = parseBody(AnswerBody, await call.body());
  requireMessageSize(api, JSON.stringify(value));
  const idempotency = await idempotencyOf(call);
  const answer = {
    questionId,
    value,
    by: { kind: 'service', id },
    requestId: call.requestId,
    ...(idempotency && { idempotency }),
  } as const;
  const run = await api.app.questions.answer(answer).catch((error: unknown) => {
    throw asRefusal(error, value);
  });
  return acceptedAnswer(api, call, { run, include });
}

/** What does not fit, as the fault of the request that it is. */
function asRefusal(error: unknown, value: unknown): unknown {
  const faults = answerFaults(error);
  if (!faults) return error;
  return validationError(
    faults.map(({ path, reason }) =>
      valueFault(['body', 'value', ...path], memberAt(value, path), reason),
    ),
  );
}

function memberAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inside, name) =>
      typeof inside === 'object' && inside !== null && Object.hasOwn(inside, name)
        ? Reflect.get(inside, name)
        : undefined,
    value,
  );
}

export function questionResource(question: QuestionRecord): QuestionResource {
  const { questionId, audience, state, reason, name, text, data, buttons, schema } = question;
  return {
    question_id: questionId,
    audience,
    state,
    reason: reason ?? null,
    name: name ?? null,
    text: text ?? null,
    data: data ?? null,
    buttons: buttons ? [...buttons] : null,
    schema: schema ?? null,
    thread_id: question.threadId,
    contact_id: question.contactId ?? null,
    run_id: question.runId,
    chain_id: question.chainId,
    continued_by: question.answeredBy ?? null,
    asked_at: question.askedAt,
    expires_at: question.expiresAt,
    closed_at: question.closedAt ?? null,
  };
}
