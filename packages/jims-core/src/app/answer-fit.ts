// Whether a value is an answer to its question.
import type { OutputUnit } from '@cfworker/json-schema';

import { JimsError, describeError, isJimsError } from '../errors/jims-error.ts';
import type { QuestionRecord } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';

/** A part of a value that does not fit the schema of its question. */
export interface AnswerFault {
  /** The names of the members that lead to it. */
  readonly path: readonly string[];
  readonly reason: string;
}

/** What the core asks schemas for. */
const DRAFT = '7';
const MAX_FAULTS = 20;
const MAX_REASON = 300;
/** Of a value with longer JSON only the first fault is looked for: it could have one in each of its items. */
const MAX_JSON = 16 * 1024;

/** The cause of an `answer_invalid`: what does not fit. */
class UnfitAnswer extends Error {
  override readonly name = 'UnfitAnswer';
  readonly faults: readonly AnswerFault[];

  constructor(faults: readonly AnswerFault[]) {
    super(faults.map(({ path, reason }) => [...path, reason].join(': ')).join('; '));
    this.faults = faults;
  }
}

/** Why an answer was refused, from what `app.questions.answer` rejected with. */
export function answerFaults(error: unknown): readonly AnswerFault[] | undefined {
  return isJimsError(error) && error.cause instanceof UnfitAnswer ? error.cause.faults : undefined;
}

/**
 * Checks an answer by the JSON Schema that is kept of its question: the pipeline's own schema is in the
 * memory of the process that asked. A schema that cannot be used is left to the pipeline, which checks
 * again.
 *
 * @throws JimsError `answer_invalid`
 */
export async function requireFitting(
  { questionId, schema, name }: QuestionRecord,
  value: unknown,
  logger: Logger,
): Promise<void> {
  if (!schema) return;
  let faults: readonly OutputUnit[] = [];
  try {
    const { Validator } = await import('@cfworker/json-schema');
    const isLarge = (JSON.stringify(value)?.length ?? 0) > MAX_JSON;
    // It writes into the schema.
    const own = isLarge ? withoutUniqueItems(schema) : structuredClone(schema);
    const validator = new Validator(own, DRAFT, isLarge);
    faults = innermost(validator.validate(value).errors);
  } catch (error) {
    logger.warn(
      { questionId, error: describeError(error) },
      'the JSON Schema of a question cannot be used: its answer is only checked by the pipeline',
    );
  }
  if (faults.length === 0) return;
  const cause = new UnfitAnswer(faults.slice(0, MAX_FAULTS).map(faultOf));
  const message = `The answer to '${name}' does not fit: ${cause.message}`;
  throw new JimsError('answer_invalid', message, { cause });
}

/** To compare each item with every other one takes long: the pipeline does it. */
function withoutUniqueItems(schema: object): object {
  return JSON.parse(
    JSON.stringify(schema, (name, value: unknown) =>
      name === 'uniqueItems' && value === true ? undefined : value,
    ),
  );
}

/** Without those that only say that something inside does not fit. */
function innermost(faults: readonly OutputUnit[]): readonly OutputUnit[] {
  const outer = new Set<string>();
  for (const location of new Set(faults.map(({ keywordLocation }) => keywordLocation))) {
    for (let end = location.lastIndexOf('/'); end > 0; end = location.lastIndexOf('/', end - 1)) {
      outer.add(location.slice(0, end));
    }
  }
  return faults.filter(({ keywordLocation }) => !outer.has(keywordLocation));
}

function faultOf({ instanceLocation, error }: OutputUnit): AnswerFault {
  const path = instanceLocation.split('/').slice(1).map(nameIn);
  return { path, reason: error.slice(0, MAX_REASON).toWellFormed() };
}

/** A part of a JSON Pointer in a URI. */
function nameIn(part: string): string {
  return decodeURI(part).replaceAll('~1', '/').replaceAll('~0', '~');
}
