import { jsonSchemaOf } from '../llm/schemas/json-schema.ts';
import type { AskOptions, Button, ServiceQuestion } from '../pipeline/question.ts';
import type { NewQuestion } from '../store/store.ts';
import { USER_MESSAGE } from '../thread/event.ts';

const USER_BUTTON_CLICK = 'comm.user_button_click';
/** What starts the run that goes on after a question, when that is not a message. */
export const QUESTION_ANSWERED = 'jims.question_answered';
export const QUESTION_EXPIRED = 'jims.question_expired';
export const QUESTION_WITHDRAWN = 'jims.question_withdrawn';

/** What a pipeline has asked, until it is stored with the end of its run. */
export type QuestionRequest = ContactRequest | ServiceRequest;

interface ContactRequest {
  readonly audience: 'contact';
  readonly questionId: string;
  readonly text: string;
  readonly options: AskOptions;
}

interface ServiceRequest {
  readonly audience: 'service';
  readonly questionId: string;
  readonly question: ServiceQuestion;
}

/** The members of a question that its pipeline decides. */
type QuestionMembers = Omit<NewQuestion, 'chainId' | 'kept' | 'config'>;

/**
 * What is stored of a question.
 *
 * @param ttlMs How long it may wait at most.
 * @throws JimsError `llm_input_invalid` for a schema that has no JSON Schema, of a question to a service.
 */
export async function questionOf(
  request: QuestionRequest,
  ttlMs: number,
): Promise<QuestionMembers> {
  return request.audience === 'contact' ? toContact(request, ttlMs) : toService(request, ttlMs);
}

async function toContact(
  { questionId, text, options }: ContactRequest,
  ttlMs: number,
): Promise<QuestionMembers> {
  const { buttons, buttonsOnly, early = false, name, schema } = options;
  // It only says what a client may show: the pipeline takes what fits from the text.
  const jsonSchema = schema && (await jsonSchemaOf(schema).catch(() => undefined));
  return {
    questionId,
    audience: 'contact',
    text,
    ...waiting(options, ttlMs),
    accepts: options.accepts ?? [USER_MESSAGE, USER_BUTTON_CLICK],
    early: early && !buttons,
    ...(name !== undefined && { name }),
    ...(jsonSchema && { schema: jsonSchema }),
    ...(buttons && { buttons }),
    ...(buttons && buttonsOnly && { contents: buttons.flatMap(namesOf) }),
  };
}

async function toService(
  { questionId, question }: ServiceRequest,
  ttlMs: number,
): Promise<QuestionMembers> {
  const { name, data, schema } = question;
  return {
    questionId,
    audience: 'service',
    name,
    ...waiting(question, ttlMs),
    accepts: [QUESTION_ANSWERED],
    early: false,
    ...(data && { data }),
    ...(schema && { schema: await jsonSchemaOf(schema) }),
  };
}

function waiting(
  { expiresInMs = Infinity, onWithdrawn }: Pick<AskOptions, 'expiresInMs' | 'onWithdrawn'>,
  ttlMs: number,
): Pick<QuestionMembers, 'expiresInMs' | 'tell'> {
  return { expiresInMs: Math.min(expiresInMs, ttlMs), tell: onWithdrawn === 'tell' };
}

/** The texts that stand for a button. */
export function namesOf({ id, text }: Button): readonly string[] {
  return typeof id === 'string' || typeof id === 'number' ? [String(id), text] : [text];
}
