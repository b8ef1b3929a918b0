import type { OutputUnit } from '@cfworker/json-schema';
import type { QuestionRecord } from 'jims-core';
import { describeError } from 'jims-core/host';

import { validationError } from '../../http/errors.ts';
import type { ValidationIssue } from '../../http/errors.ts';
import { valueFault } from '../../http/fastapi/validation.ts';
import { MAX_ISSUES } from '../../http/list.ts';
import type { ApiContext } from '../../http/route.ts';

/** What the core asks schemas for. */
const DRAFT = '7';
const MAX_REASON = 300;

/**
 * Checks an answer by the JSON Schema that is kept of its question: the pipeline's own schema is in the
 * memory of the process that asked. A schema that cannot be used is left to the pipeline, which checks
 * again.
 *
 * @throws HttpError 422 with what does not fit, and where.
 */
export async function requireFitting(
  { logger }: Pick<ApiContext, 'logger'>,
  { questionId, schema }: QuestionRecord,
  value: unknown,
): Promise<void> {
  if (!schema) return;
  let faults: readonly OutputUnit[] = [];
  try {
    const { Validator } = await import('@cfworker/json-schema');
    // It writes into the schema.
    const validator = new Validator(structuredClone(schema), DRAFT, false);
    faults = innermost(validator.validate(value).errors);
  } catch (error) {
    logger.warn(
      { questionId, error: describeError(error) },
      'the JSON Schema of a question cannot be used: its answer is only checked by the pipeline',
    );
  }
  if (faults.length === 0) return;
  throw validationError(faults.slice(0, MAX_ISSUES).map((fault) => issueOf(fault, value)));
}

/** Without those that only say that something inside does not fit. */
function innermost(faults: readonly OutputUnit[]): readonly OutputUnit[] {
  return faults.filter(
    ({ keywordLocation }) =>
      !faults.some((other) => other.keywordLocation.startsWith(`${keywordLocation}/`)),
  );
}

function issueOf({ instanceLocation, error }: OutputUnit, value: unknown): ValidationIssue {
  const names = instanceLocation.split('/').slice(1).map(nameIn);
  const loc = ['body', 'value', ...names];
  return valueFault(loc, memberAt(value, names), error.slice(0, MAX_REASON).toWellFormed());
}

/** A part of a JSON Pointer in a URI. */
function nameIn(part: string): string {
  return decodeURI(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

function memberAt(value: unknown, names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (inside, name) =>
      typeof inside === 'object' && inside !== null && Object.hasOwn(inside, name)
        ? Reflect.get(inside, name)
        : undefined,
    value,
  );
}
