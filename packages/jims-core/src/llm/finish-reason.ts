import type { LanguageModelV4FinishReason } from '@ai-sdk/provider';

import { UnfitAnswerError } from './unfit-answer.ts';

/**
 * How an answer ended:
 * - `stop`: the model was done
 * - `length`: it was cut off, as it may not be longer
 * - `content_filter`: a filter stopped it, or the model refused
 * - `tool_calls`: the model wants tools called
 * - `other`: the provider did not say, or in a way that is not known
 */
export type FinishReason = 'stop' | 'length' | 'content_filter' | 'tool_calls' | 'other';

/** Words of servers of which some are not among the ones that providers' packages know. */
const FAILED =
  /error|exception|abort|fail|insufficient|interrupt|cancel|timeout|time_out|expired|disconnect|lost|dropped|closed|stall|malformed|unavailable|overload|busy|crash|killed|oom|evict|preempt/i;
const CUT_OFF = /length|max_?\w*tokens|token_?limit|context_window|incomplete|truncat|^limit$/i;
const FILTERED =
  /filter|sensitive|safety|refus|blocked|blocklist|prohibited|recitation|spii|toxic|policy|moderat|guardrail/i;

/** How an answer ended; `undefined` when it is half an answer, as the provider failed while it wrote. */
export function finishReason({
  unified,
  raw = '',
}: LanguageModelV4FinishReason): FinishReason | undefined {
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
      return undefined;
    default:
      return byWord(raw);
  }
}

function byWord(raw: string): FinishReason | undefined {
  if (FILTERED.test(raw)) return 'content_filter';
  if (CUT_OFF.test(raw)) return 'length';
  return FAILED.test(raw) ? undefined : 'other';
}

/** The error for an answer without a word and without a call. Another try may bring more, or not. */
export function emptyAnswer(reason: FinishReason): UnfitAnswerError {
  const mayPass = reason !== 'length' && reason !== 'content_filter';
  return new UnfitAnswerError(`is empty${EMPTY_FOR[reason]}`, [], mayPass);
}

const EMPTY_FOR: Readonly<Record<FinishReason, string>> = {
  stop: '',
  other: '',
  length: ': it was cut off for its length before anything was said',
  content_filter: ': a content filter stopped it, or the model refused',
  tool_calls: ': the model wants tools called',
};
