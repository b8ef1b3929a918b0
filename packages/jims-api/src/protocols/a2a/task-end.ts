// How tasks are answered and streamed to their end, which may be told by another process.
import type { Run, RunEnd } from 'jims-core';

import { HttpError } from '../../http/errors.ts';
import type { ApiContext } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { taskUpdates } from './encode.ts';
import type { StreamResponse, Task } from './wire.ts';

/** A task, and the headers that name its run. */
export interface Answered {
  readonly task: Task;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a binding puts an event of a stream into a frame. */
export type ToFrame = (response: StreamResponse) => SseFrame;

export async function* framesOf(
  api: ApiContext,
  run: Run,
  {
    task,
    view,
    toFrame,
  }: {
    readonly task: Parameters<typeof taskUpdates>[1];
    readonly view: { readonly requestId?: string; readonly exposeErrors: boolean };
    readonly toFrame: ToFrame;
  },
): AsyncGenerator<SseFrame, void, void> {
  const over = (end: RunEnd): Promise<boolean> => isOver(api, run.id, end);
  for await (const response of taskUpdates(run, task, { view, isOver: over })) {
    yield toFrame(response);
  }
}

/**
 * Makes sure that an end is that of the run.
 *
 * @throws HttpError 503 when the run goes on, and this process stops listening to it.
 */
export async function requireOver(api: ApiContext, runId: string, end: RunEnd): Promise<void> {
  if (await isOver(api, runId, end)) return;
  const message = 'The service is shutting down: the task goes on, get it again';
  throw new HttpError(503, message, { code: 'shutting_down', headers: { 'retry-after': '1' } });
}

/** A process that shuts down stops listening to the runs of others, which go on. */
async function isOver({ app }: ApiContext, runId: string, end: RunEnd): Promise<boolean> {
  if (end.type !== 'cancelled' || end.reason !== 'shutting_down') return true;
  return (await app.runs.record(runId))?.finishedAt !== undefined;
}
