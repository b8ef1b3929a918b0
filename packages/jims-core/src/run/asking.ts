import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import { jsonSchemaOf } from '../llm/schemas/json-schema.ts';
import type {
  AskOptions,
  Button,
  ContactAnswer,
  ServiceAnswer,
  ServiceQuestion,
} from '../pipeline/question.ts';
import type { EntryOutcome, NewQuestion } from '../store/store.ts';
import { USER_MESSAGE } from '../thread/event.ts';
import type { ThreadEvent } from '../thread/event.ts';
import type { Principal } from '../thread/principal.ts';
import { valueFrom } from './step-work.ts';

export const USER_BUTTON_CLICK = 'comm.user_button_click';
/** What started the run that continues after a question, when that is no message. */
export const QUESTION_ANSWERED = 'jims.question_answered';
export const QUESTION_EXPIRED = 'jims.question_expired';
export const QUESTION_WITHDRAWN = 'jims.question_withdrawn';

/** What a pipeline asked, until its run is stored with it. */
export type Asked =
  | {
      readonly audience: 'contact';
      readonly questionId: string;
      readonly text: string;
      readonly options: AskOptions;
    }
  | {
      readonly audience: 'service';
      readonly questionId: string;
      readonly question: ServiceQuestion;
    };

/** The members of a question that come from the pipeline. */
export async function questionOf(
  asked: Asked,
  ttlMs: number,
): Promise<Omit<NewQuestion, 'chainId' | 'kept' | 'config'>> {
  const { questionId, audience } = asked;
  const given = asked.audience === 'contact' ? asked.options : asked.question;
  const { schema, expiresInMs = ttlMs, onWithdrawn, name } = given;
  const common = {
    questionId,
    audience,
    expiresInMs: Math.min(expiresInMs, ttlMs),
    tell: onWithdrawn === 'tell',
    ...(name !== undefined && { name }),
    ...(schema && { schema: await jsonSchemaOf(schema) }),
  };
  if (asked.audience === 'service') {
    const { data } = asked.question;
    return { ...common, accepts: [QUESTION_ANSWERED], early: false, ...(data && { data }) };
  }
  const {
    buttons,
    buttonsOnly = false,
    accepts = [USER_MESSAGE, USER_BUTTON_CLICK],
    early = false,
  } = asked.options;
  return {
    ...common,
    text: asked.text,
    accepts,
    early: early && !buttons,
    ...(buttons && { buttons }),
    ...(buttons && buttonsOnly && { contents: buttons.flatMap(namesOf) }),
  };
}

/** What a pipeline gets for its question to the contact. */
export function contactAnswer<T>(
  outcome: EntryOutcome,
  event: ThreadEvent | undefined,
  { buttons = [], schema }: AskOptions<T>,
): ContactAnswer<T> {
  if (!event) return valueFrom(requireValue(outcome)) as ContactAnswer<T>;
  const none = noAnswer(event);
  if (none) return none;
  const { content } = event.data;
  const text = typeof content === 'string' ? content : '';
  const button = buttons.find((each) => namesOf(each).includes(text));
  const id = button?.['id'];
  return {
    kind: 'message',
    text,
    buttonId: button && (typeof id === 'string' ? id : button.text),
    eventType: event.type,
    value: schema && fitting(schema, text),
  };
}

/**
 * What a pipeline gets for its question to a service.
 *
 * @throws JimsError `answer_invalid` for a value that does not fit the schema.
 */
export function serviceAnswer<T>(
  outcome: EntryOutcome,
  event: ThreadEvent | undefined,
  { schema, name }: ServiceQuestion<T>,
): ServiceAnswer<T> {
  if (!event) return valueFrom(requireValue(outcome)) as ServiceAnswer<T>;
  const none = noAnswer(event);
  if (none) return none;
  const { value, by } = event.data;
  if (!schema) return { kind: 'value', value: value as T, by: by as Principal | undefined };
  const checked = schema['~standard'].validate(value);
  if (checked instanceof Promise || checked.issues) {
    const reasons =
      checked instanceof Promise ? 'its schema is asynchronous' : reasonsOf(checked.issues);
    throw new JimsError('answer_invalid', `The answer to '${name}' does not fit: ${reasons}`);
  }
  return { kind: 'value', value: checked.value, by: by as Principal | undefined };
}

/** The texts of a button that stand for it. */
export function namesOf(button: Button): readonly string[] {
  const { id, text } = button;
  return typeof id === 'string' ? [id, text] : [text];
}

function noAnswer({
  type,
  data,
}: ThreadEvent): (ContactAnswer<never> & ServiceAnswer<never>) | undefined {
  if (type === QUESTION_EXPIRED) return { kind: 'expired' };
  if (type !== QUESTION_WITHDRAWN) return undefined;
  return { kind: 'withdrawn', reason: String(data['reason']) };
}

/** The text itself, or the JSON in it, as the schema takes it. */
function fitting<T>(schema: StandardSchemaV1<unknown, T>, text: string): T | undefined {
  for (const read of [(): unknown => text, (): unknown => JSON.parse(text)]) {
    try {
      const checked = schema['~standard'].validate(read());
      if (!(checked instanceof Promise) && !checked.issues) return checked.value;
    } catch {
      // It is no JSON.
    }
  }
  return undefined;
}

function reasonsOf(issues: readonly StandardSchemaV1.Issue[]): string {
  return issues.map(({ message }) => message).join('; ');
}

function requireValue(outcome: EntryOutcome): Extract<EntryOutcome, { kind: 'value' }> {
  if (outcome.kind === 'value') return outcome;
  throw new JimsError('pipeline_changed', 'A question was answered by something else');
}
