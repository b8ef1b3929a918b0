import type { ThreadContext } from './thread-context.ts';

/** The app's code: reads a context, sends events. What it returns is awaited and not used. */
export type Pipeline =
  | ((ctx: ThreadContext) => unknown)
  | { readonly name?: string; run(ctx: ThreadContext): unknown };

/** The name of a pipeline in metrics and spans: the function's or the object's, else `pipeline`. */
export function pipelineName(pipeline: Pipeline): string {
  return pipeline.name || 'pipeline';
}

/** Runs a pipeline, whichever form it has; what it gives is to be waited for. */
export function callPipeline(pipeline: Pipeline, ctx: ThreadContext): unknown {
  return typeof pipeline === 'function' ? pipeline(ctx) : pipeline.run(ctx);
}
