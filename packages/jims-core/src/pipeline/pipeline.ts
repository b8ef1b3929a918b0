import { JimsError } from '../errors/jims-error.ts';
import type { ThreadContext } from './thread-context.ts';

/** The app's code: it reads a context and sends events. Its return value is awaited and not used. */
export type Pipeline =
  | ((ctx: ThreadContext) => unknown)
  | { readonly name?: string; run(ctx: ThreadContext): unknown };

/** Whether a value can be called as a pipeline. */
export function isPipeline(value: unknown): value is Pipeline {
  if (typeof value === 'function') return true;
  return (
    typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'
  );
}

/** @throws JimsError `app_invalid` for what cannot be called, such as an import that is not there yet in a circle. */
export function requirePipeline(name: string, value: unknown): void {
  if (isPipeline(value)) return;
  const given = value === null || value === undefined ? String(value) : `of type ${typeof value}`;
  throw new JimsError(
    'app_invalid',
    `The ${name} of the app is ${given}: it must be a function (ctx) => …, or an object with a function run`,
  );
}

/** Gives the name of a pipeline in metrics and spans: the function's or the object's, else `pipeline`. */
export function pipelineName(pipeline: Pipeline): string {
  return pipeline.name || 'pipeline';
}

/** Calls a pipeline of either form; what it returns is to be awaited. */
export function callPipeline(pipeline: Pipeline, ctx: ThreadContext): unknown {
  return typeof pipeline === 'function' ? pipeline(ctx) : pipeline.run(ctx);
}
