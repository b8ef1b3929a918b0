// jims-core/host: what a program needs that serves an app, such as `jims-api`.
export { eventPieces } from './app/event-pieces.ts';
export { refuseRuns, reloading, takeOver } from './app/live-code.ts';
export type { FixedPart } from './app/live-code.ts';
export { openByDefault } from './app/options.ts';
export { describeError, plainError } from './errors/jims-error.ts';
export { stackFrames } from './errors/stack-frames.ts';
export type { StackFrame } from './errors/stack-frames.ts';
export { isAllowedType, isTypePattern } from './files/file-limits.ts';
export { pipelineName } from './pipeline/pipeline.ts';
export { createCallerShares, defaultShare } from './run/caller-shares.ts';
export type { CallerShares } from './run/caller-shares.ts';
export { failCurrentRun } from './run/stop-switch.ts';
export { onTracingFault, withCallersTrace } from './telemetry/tracing.ts';
export type { TraceIds } from './telemetry/tracing.ts';
export { filesOfMessage } from './thread/message.ts';
export { MAX_TITLE, supersededBy } from './thread/thread.ts';
export { cleanJson } from './text/clean-text.ts';
export { MAX_PIECE_CHARS, textPieces } from './text/text-pieces.ts';
