import type { ThreadContext } from './thread-context.ts';

/** The app's code: it reads a context and sends events. Its return value is awaited and not used. */
export type Pipeline =
  | ((ctx: ThreadContext) => unknown)
  | { readonly name?: string; run(ctx: ThreadContext): unknown };

/** Gives the name of a pipeline in metrics and spans: the function's or the object's, else `pipeline`. */
export function pipelineName(pipeline: Pipeline): string {
  return pipeline.name || 'pipeline';
}

/** Calls a pipeline of either form; what it returns is to be awaited. */
export function callPipeline(pipeline: Pipeline, ctx: ThreadContext): unknown {
  return typeof pipeline === 'function' ? pipeline(ctx) : pipeline.run(ctx);
}
