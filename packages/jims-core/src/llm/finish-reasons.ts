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
