import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import { cutText } from '../util/cut-text.ts';

const MAX_PATHS = 1000;

type Issue = StandardSchemaV1.Issue;

/** A model's answer is not what its schema asked for. */
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

  /** Says where the answer is wrong, and not what it says there. */
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
