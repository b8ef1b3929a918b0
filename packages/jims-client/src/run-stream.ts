import { JimsApiError, notOfService } from './errors.ts';
import { follow } from './follow.ts';
import type { FollowOptions } from './follow.ts';
import type { OpenAnswer } from './open-answer.ts';
import { retried } from './transport.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { Include, StreamEvent } from './wire.ts';

/** Everything that a chat shows: the `include` of its requests. */
export const CHAT_INCLUDES: readonly Include[] = [
  'thread',
  'delta',
  'event',
  'step',
  'reasoning',
  'tool',
  'source',
  'file',
];

/** Why a run has failed that runs again when its message is sent again with its key. */
const LOST = /^(lost|shutting_down|store_unavailable|disconnected)$/;

/** How often a message is sent again because its run was lost. */
const MAX_RESENDS = 8;

/** The stream of a run that was accepted. */
export interface OpenRun extends OpenAnswer {
  readonly runId: string;
  readonly threadId: string;
}

/** Sends a message until it is accepted. @throws JimsApiError */
export function openRun(transport: Transport, call: CallOptions): Promise<OpenRun> {
  return retried(call, async () => {
    const answer = await transport.open('/api/v1/chat/stream', call);
    const { headers } = answer.response;
    const runId = headers.get('x-jims-run-id');
    const threadId = headers.get('x-jims-thread-id');
    if (runId && threadId) return { runId, threadId, ...answer };
    answer.end();
    throw notOfService();
  });
}

/** A run to read. */
export interface FollowedRun {
  readonly runId: string;
  /** Where it can be read, when that was not done yet. */
  first?: OpenAnswer | undefined;
  /** Sends its message again: a run that was lost runs once more. */
  readonly resend?: (() => Promise<OpenAnswer | undefined>) | undefined;
}

/** How to read it. */
export interface FollowRunOptions extends Pick<
  FollowOptions<StreamEvent>,
  'signal' | 'tries' | 'onLine' | 'after'
> {
  readonly include?: readonly Include[] | undefined;
}

/** Reads a run to its end, through lost connections and lost processes. */
export async function* followRun(
  transport: Transport,
  run: FollowedRun,
  { include = CHAT_INCLUDES, ...options }: FollowRunOptions,
): AsyncGenerator<readonly StreamEvent[]> {
  const { resend } = run;
  let resends = 0;
  let isAgain = false;
  const batches = follow<StreamEvent>(transport, `/api/v1/runs/${run.runId}/stream`, {
    ...options,
    query: { include: include.join() },
    async connect() {
      const { first } = run;
      run.first = undefined;
      return first ?? (isAgain ? resend?.() : undefined);
    },
    parse({ id, event, data }, before) {
      // An event without an id of its own has that of the one before.
      const parsed = { id: id === before ? undefined : id, event, data: objectIn(data) };
      if (!isStreamEvent(parsed)) throw notOfService();
      isAgain = isEnd(parsed) && LOST.test(reasonOf(parsed)) && resends++ < MAX_RESENDS;
      if (isAgain && resend) throw notOfService();
      return parsed;
    },
  });
  for await (const batch of batches) {
    yield batch;
    if (batch.some(isEnd)) return;
  }
}

/** What it is was checked by the service, which sends none without a name. */
function isStreamEvent(event: { readonly event: string }): event is StreamEvent {
  return event.event !== 'message';
}

/** @throws SyntaxError for what the network has made of it. */
export function objectIn(data: string): object {
  const value: unknown = JSON.parse(data);
  if (typeof value === 'object' && value) return value;
  throw notOfService();
}

/** Whether it is the last event of its run. */
export function isEnd({ event, id }: StreamEvent): boolean {
  // A run that its process leaves to another one is cancelled without an id.
  return event === 'result' || event === 'error' || (event === 'cancelled' && id !== undefined);
}

/** Why a run has no answer. */
function reasonOf({ event, data }: StreamEvent): string {
  if (event === 'error') return data.code ?? 'pipeline_failed';
  return event === 'cancelled' ? data.reason : '';
}

/** Why a run has no answer, by its last event. */
export function errorOfEnd(end: StreamEvent): JimsApiError {
  const code = reasonOf(end);
  return new JimsApiError(end.event === 'error' ? end.data.detail : `The run was ${code}`, {
    code,
  });
}
