import * as v from 'valibot';

import { validationError } from '../errors.ts';
import type { HttpError, ValidationIssue } from '../errors.ts';
import { isJsonObject } from '../json-object.ts';
import { MAX_ISSUES, tooManyItems } from '../list.ts';
import { excerpt } from './excerpt.ts';

/** The most characters of a message that may hold what the client sent. */
const MAX_MESSAGE = 300;

type Fault = Pick<ValidationIssue, 'type' | 'msg' | 'ctx'>;

/**
 * Reads the JSON body of a request by its schema.
 *
 * @throws HttpError 422 with what is wrong, in the words of FastAPI and the order of the schema: at most
 * {@link MAX_ISSUES} issues.
 */
export function parseBody<TSchema extends v.GenericSchema>(
  schema: TSchema,
  body: unknown,
): v.InferOutput<TSchema> {
  if (body === undefined || body === null) {
    throw validationError([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
  }
  if (!isJsonObject(body)) {
    const msg = 'Input should be a valid dictionary or object to extract fields from';
    const type = 'model_attributes_type';
    throw validationError([{ type, loc: ['body'], msg, input: excerpt(body) }]);
  }
  const result = v.safeParse(schema, body, { abortPipeEarly: true });
  if (result.success) return result.output;
  throw validationError(result.issues.slice(0, MAX_ISSUES).map(toValidationIssue));
}

/** A 422 for a member of a body that its schema accepts. */
export function fieldError(member: string, input: unknown, reason: string): HttpError {
  return valueError(['body', member], input, reason);
}

/** A 422 for a value in any part of a request. */
export function valueError(loc: ValidationIssue['loc'], input: unknown, reason: string): HttpError {
  return validationError([valueFault(loc, input, reason)]);
}

/** An issue about a value in any part of a request. */
export function valueFault(
  loc: ValidationIssue['loc'],
  input: unknown,
  reason: string,
): ValidationIssue {
  return { loc, input: excerpt(input), ...badValue(reason) };
}

function toValidationIssue(issue: v.BaseIssue<unknown>): ValidationIssue {
  const { path = [] } = issue;
  const loc = ['body', ...path.map(({ key }) => (typeof key === 'number' ? key : String(key)))];
  const last = path.at(-1);
  if (last?.origin === 'key') {
    return { type: 'missing', loc, msg: 'Field required', input: excerpt(last.input) };
  }
  const { type, msg, ctx } = faultOf(issue);
  return { type, loc, msg, input: excerpt(issue.input), ...(ctx && { ctx }) };
}

const EMPTY_LIST: Fault = {
  type: 'too_short',
  msg: 'List should have at least 1 item after validation, not 0',
  ctx: { field_type: 'List', min_length: 1, actual_length: 0 },
};

function faultOf({ type, input, expected, message, requirement }: v.BaseIssue<unknown>): Fault {
  switch (type) {
    case 'string':
      return { type: 'string_type', msg: 'Input should be a valid string' };
    case 'array':
      return { type: 'list_type', msg: 'Input should be a valid list' };
    case 'picklist':
      return literalError(String(expected));
    case 'non_empty':
      if (Array.isArray(input)) return EMPTY_LIST;
      return {
        type: 'string_too_short',
        msg: 'String should have at least 1 character',
        ctx: { min_length: 1 },
      };
    case 'max_length':
      return Array.isArray(input)
        ? longList(input.length, Number(requirement))
        : longString(requirement);
    case 'regex': {
      const pattern = requirement instanceof RegExp ? requirement.source : '';
      const msg = `String should match pattern '${pattern}'`;
      return { type: 'string_pattern_mismatch', msg, ctx: { pattern } };
    }
    // A field of our own (fields.ts) names its fault itself.
    case 'raw_transform':
      return { type: String(expected), msg: message };
    default:
      // valibot's own messages hold the whole input.
      return badValue(message.slice(0, MAX_MESSAGE).toWellFormed());
  }
}

function longList(actual_length: number, max_length: number): Fault {
  return {
    type: 'too_long',
    msg: tooManyItems('List', max_length, actual_length),
    ctx: { field_type: 'List', max_length, actual_length },
  };
}

function longString(max_length: unknown): Fault {
  return {
    type: 'string_too_long',
    msg: `String should have at most ${String(max_length)} characters`,
    ctx: { max_length },
  };
}

/** valibot says `("a" | "b" | "c")`, pydantic `'a', 'b' or 'c'`. */
function literalError(options: string): Fault {
  const names = options.replaceAll(/^\(|\)$/g, '').replaceAll('"', "'");
  const expected = names.replaceAll(' | ', ', ').replace(/, ([^,]*)$/, ' or $1');
  return { type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } };
}

function badValue(reason: string): Fault {
  return { type: 'value_error', msg: `Value error, ${reason}`, ctx: { error: reason } };
}
