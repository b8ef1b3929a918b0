import type { EntryOf, RunSummary, Trace } from 'jims-client';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';
import { Problem } from '../parts/problem.tsx';
import { cost, count, duration, momentOf } from '../parts/quantities.ts';
import type { Service } from '../service/service.ts';
import { isActive } from '../service/thread-feed.ts';
import type { SentMessage } from './request-code.ts';
import { isContinuation, runAgain } from './run-again.ts';

interface RunHeadProps {
  readonly service: Service;
  readonly trace: Trace;
  readonly run: RunSummary | undefined;
  readonly sent: SentMessage | undefined;
  readonly now: number;
  readonly onAttempt: (attempt: number) => void;
  readonly onThread: (threadId: string) => void;
  /** Left out where runs are not durable. */
  readonly onRetried: (() => void) | undefined;
}

/** A run at a glance, and what can be done with it. */
export function RunHead(props: RunHeadProps): VNode {
  const { trace, run, sent, now, onAttempt } = props;
  const [error, setError] = useState<unknown>();
  const status = run?.status ?? trace.status;

  async function attempted(action: () => Promise<void>): Promise<void> {
    try {
      setError(undefined);
      await action();
    } catch (cause) {
      setError(cause);
    }
  }

  return (
    <section class="run-head" aria-label="Summary">
      <div class="run-line">
        <span class={`status ${status}`}>{status}</span>
        <span class="spacer" />
        <Actions {...props} status={status} attempt={(action) => void attempted(action)} />
      </div>
      {sent && isContinuation(trace) && (
        <p class="soft run-note">
          This run goes on with what an earlier one began. An answer means nothing in a copy, so the
          first message of the earlier run is sent there.
        </p>
      )}
      <Figures trace={trace} now={now} />
      {trace.attempts.length > 1 && (
        <label class="field inline">
          Attempt
          <select
            value={String(trace.attempt)}
            onChange={(event) => onAttempt(Number(event.currentTarget.value))}
          >
            {trace.attempts.map((attempt) => (
              <option key={attempt} value={String(attempt)}>
                {attempt}
              </option>
            ))}
          </select>
        </label>
      )}
      <Problem error={error} />
    </section>
  );
}

interface ActionsProps extends RunHeadProps {
  readonly status: Trace['status'];
  /** Shows why an action failed. */
  readonly attempt: (action: () => Promise<void>) => void;
}

function Actions({
  service,
  trace,
  sent,
  status,
  attempt,
  onThread,
  onRetried,
}: ActionsProps): VNode {
  const isLater = isContinuation(trace);
  return (
    <>
      {isActive({ status }) && (
        <button
          type="button"
          class="small"
          onClick={() => attempt(async () => void (await service.client.runs.cancel(trace.run_id)))}
        >
          <Icon name="stop" /> Stop
        </button>
      )}
      {onRetried && status === 'failed' && GOES_ON.has(trace.error?.code ?? '') && (
        <button
          type="button"
          class="small"
          title="It goes on in this thread: what it did in steps is not done again"
          onClick={() =>
            attempt(async () => {
              await service.retry(trace.run_id);
              onRetried();
            })
          }
        >
          <Icon name="again" /> Retry
        </button>
      )}
      {sent && (
        <button
          type="button"
          class="small"
          title={`The ${isLater ? 'first' : 'same'} message, in a copy of the thread before it`}
          onClick={() => attempt(async () => onThread(await runAgain(service, trace, sent)))}
        >
          <Icon name="again" /> {isLater ? 'Run again from its first message' : 'Run again'}
        </button>
      )}
    </>
  );
}

/** Why a durable run has failed that can go on. */
const GOES_ON: ReadonlySet<string> = new Set([
  'lost',
  'pipeline_changed',
  'shutting_down',
  'store_unavailable',
]);

function Figures({ trace, now }: { readonly trace: Trace; readonly now: number }): VNode {
  const models = trace.entries
    .filter((entry) => entry.kind === 'model')
    .filter(({ replayed }) => !replayed);
  const { tokens, usd } = spent(trace, models);
  const end = trace.finished_at === null ? now : momentOf(trace.finished_at);
  const first = firstWordMs(trace);
  return (
    <dl class="figures">
      <Figure name="Time" value={duration(Math.max(0, end - momentOf(trace.accepted_at)))} />
      <Figure name="First word" value={first === undefined ? '–' : duration(first)} />
      <Figure name="Calls" value={count(models.length)} />
      <Figure name="Tokens" value={count(tokens)} />
      <Figure name="Cost" value={usd === undefined ? '?' : cost(usd)} />
    </dl>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** By the run's usage when it is over, else by the calls so far. The cost is unknown when one price is. */
function spent(
  trace: Trace,
  models: readonly EntryOf<'model'>[],
): { readonly tokens: number; readonly usd: number | undefined } {
  const parts =
    trace.usage ??
    models.map(({ tokens, cost_usd }) => ({
      prompt_tokens: tokens?.prompt ?? 0,
      completion_tokens: tokens?.completion ?? 0,
      cost_usd,
    }));
  let tokens = 0;
  let usd: number | undefined = 0;
  for (const part of parts) {
    tokens += part.prompt_tokens + part.completion_tokens;
    usd = usd === undefined || part.cost_usd === null ? undefined : usd + part.cost_usd;
  }
  return { tokens, usd };
}

/** When the contact saw something of an answer first. */
function firstWordMs({ entries, accepted_at: accepted }: Trace): number | undefined {
  const first = entries.find(
    (entry) =>
      entry.kind === 'message' ||
      (entry.kind === 'event' && entry.event.event_type.startsWith('comm.')),
  );
  return first && momentOf(first.at) - momentOf(accepted);
}
