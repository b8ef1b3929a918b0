import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../../errors/jims-error.ts';
import { cutText } from '../../text/clean-text.ts';
import type { ReportedError } from './reported-error.ts';

/** The error for input that no model takes. */
export function invalidInput(message: string): JimsError {
  return new JimsError('llm_input_invalid', message);
}

/** @throws JimsError `llm_input_invalid` for anything but an array of strings. */
export function checkTexts(texts: readonly unknown[], what: 'Text' | 'Document'): void {
  if (!Array.isArray(texts)) throw invalidInput(`${what}s must be an array of strings`);
  const wrong = texts.findIndex((text) => typeof text !== 'string');
  if (wrong >= 0) throw invalidInput(`${what} ${wrong} is not a string`);
}

/** Nothing arrived in time. */
export class SlowAnswerError extends Error {
  override readonly name = 'SlowAnswerError';
}

/** An HTTP status of failure from a provider that is called without a package. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';
  readonly statusCode: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  readonly responseBody: string;

  constructor({ status, statusText, headers }: Response, body: string) {
    super(statusText);
    this.statusCode = status;
    this.responseHeaders = Object.fromEntries(headers);
    this.responseBody = body;
  }
}

/** Something else than an answer came, often an HTML page, as the base URL is that of another server. */
export class UnexpectedAnswerError extends Error {
  override readonly name = 'UnexpectedAnswerError';

  constructor(contentType: string | undefined, wanted: string) {
    const type = contentType?.split(';', 1)[0]?.trim() || 'something';
    super(`answered ${type} instead of ${wanted}: is the base URL right?`);
  }
}

/** An answer that does not belong to what was sent, such as vectors for other texts. */
export class WrongAnswerError extends Error {
  override readonly name = 'WrongAnswerError';
}

/** Half an answer: it ended before the model was done. */
export class BrokenAnswerError extends Error {
  override readonly name = 'BrokenAnswerError';
}

/** A provider reported an error where an answer was expected: in a 200, or in the middle of a stream. */
export class ProviderReportError extends Error {
  override readonly name = 'ProviderReportError';
  readonly report: ReportedError;

  constructor(report: ReportedError) {
    const { message, code } = report;
    super(`reported an error: ${message}${code === undefined ? '' : ` (${code})`}`);
    this.report = report;
  }
}

const MAX_PATHS = 1000;

type Issue = StandardSchemaV1.Issue;

/** A complete answer that the app cannot use: empty, refused, or not as the schema wants it. */
export class UnfitAnswerError extends Error {
  override readonly name = 'UnfitAnswerError';
  readonly issues: readonly Issue[];
  /** Whether another answer may be better. */
  readonly repeatable: boolean;

  constructor(message: string, issues: readonly Issue[], repeatable = true) {
    super(message);
    this.issues = issues;
    this.repeatable = repeatable;
  }

  /** The error for the app. It says where the answer is wrong, and does not quote it. */
  toJimsError(model: string): JimsError {
    const paths = new Set(this.issues.map(pathOf).filter((path) => path !== ''));
    const where = paths.size > 0 ? ` at ${cutText([...paths].join(', '), MAX_PATHS)}` : '';
    return new JimsError('llm_answer_invalid', `The answer of ${model} ${this.message}${where}`, {
      cause: this.issues,
    });
  }
}

function pathOf({ path = [] }: Issue): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}
