import type { LanguageModelV4FinishReason } from '@ai-sdk/provider';

import { cutText } from '../../text/clean-text.ts';
import { BrokenAnswerError, UnfitAnswerError } from '../failures/errors.ts';

export const FINISH_REASONS = ['stop', 'length', 'content_filter', 'tool_calls', 'other'] as const;

/**
 * How an answer ended:
 * - `stop`: the model was done
 * - `length`: it was cut off at its maximum length
 * - `content_filter`: a filter stopped it, or the model refused
 * - `tool_calls`: the model wants tools to be called
 * - `other`: the provider gave no reason, or an unknown one
 */
export type FinishReason = (typeof FINISH_REASONS)[number];

/** Words by which servers say it that providers' packages do not know. */
const FAILED =
  /error|exception|abort|fail|insufficient|interrupt|cancel|timeout|time_out|expired|disconnect|lost|dropped|closed|stall|malformed|unavailable|overload|busy|crash|killed|oom|evict|preempt/i;
const CUT_OFF = /length|max_?\w*tokens|token_?limit|context_window|incomplete|truncat|^limit$/i;
const FILTERED =
  /filter|sensitive|safety|refus|blocked|blocklist|prohibited|recitation|spii|toxic|policy|moderat|guardrail/i;
const MAX_REASON = 100;

/**
 * Reads how an answer ended.
 *
 * @throws BrokenAnswerError for half an answer: the provider failed while the model wrote.
 */
export function finishReasonOf({ unified, raw }: LanguageModelV4FinishReason): FinishReason {
  switch (unified) {
    case 'stop':
    case 'length':
      return unified;
    case 'content-filter':
      return 'content_filter';
    case 'tool-calls':
      return 'tool_calls';
    case 'error':
    case 'interrupted':
      throw halfAnswer(raw ?? unified);
    default:
      return reasonByWord(raw ?? '');
  }
}

function reasonByWord(raw: string): FinishReason {
  if (FILTERED.test(raw)) return 'content_filter';
  if (CUT_OFF.test(raw)) return 'length';
  if (FAILED.test(raw)) throw halfAnswer(raw);
  return 'other';
}

function halfAnswer(reason: string): BrokenAnswerError {
  return new BrokenAnswerError(`the answer ended with '${cutText(reason, MAX_REASON)}'`);
}

/** The error for an answer without text and without tool calls. */
export function emptyAnswer(reason: FinishReason): UnfitAnswerError {
  const repeatable = reason !== 'length' && reason !== 'content_filter';
  return new UnfitAnswerError(`is empty${WHY_EMPTY[reason]}`, [], repeatable);
}

const WHY_EMPTY: Readonly<Record<FinishReason, string>> = {
  stop: '',
  other: '',
  length: ': it was cut off at its maximum length before any text came',
  content_filter: ': a content filter stopped it, or the model refused',
  tool_calls: ': the model wants tools to be called',
};
