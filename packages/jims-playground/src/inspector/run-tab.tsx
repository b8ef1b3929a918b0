import type { EntryOf, RunSummary, ThreadEvent, Trace } from 'jims-client';
import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { Problem } from '../parts/problem.tsx';
import { useSnapshot } from '../parts/use-snapshot.ts';
import type { Service } from '../service/service.ts';
import { isActive } from '../service/thread-feed.ts';
import type { ThreadFeed } from '../service/thread-feed.ts';
import { TraceWatch } from '../service/trace-watch.ts';
import { ErrorView } from './error-view.tsx';
import { isSendable, sentMessageOf } from './request-code.ts';
import { RequestView } from './request-view.tsx';
import { RunHead } from './run-head.tsx';
import { RunPicker } from './run-picker.tsx';
import { ServiceQuestion } from './service-question.tsx';
import { StateView } from './state-view.tsx';
import { TimelineView } from './timeline-view.tsx';

interface RunTabProps {
  readonly service: Service;
  readonly feed: ThreadFeed;
  /** Whether a run that failed may go on. */
  readonly isDurable: boolean;
  /** The newest one when it is left out. */
  readonly runId: string | undefined;
  readonly onRun: (runId: string | undefined) => void;
  readonly onThread: (threadId: string) => void;
}

/** So far the message that a run began with is looked for. */
const MOST_EVENTS = 4000;

/** The runs of a thread, and what happened in one of them. */
export function RunTab({ service, feed, isDurable, runId, onRun, onThread }: RunTabProps): VNode {
  const { runs, hasOlderRuns, events, thread, error } = useSnapshot(feed);
  const run = runId === undefined ? runs[0] : runs.find(({ run_id: id }) => id === runId);
  const shownId = run?.run_id ?? runId;
  const began = useMemo(() => beganWith(events, shownId), [events, shownId]);
  const isOlder = run !== undefined && began === undefined;
  useEffect(() => {
    // Pages come until there is the message that the run began with.
    if (isOlder && events.length < MOST_EVENTS) void feed.loadOlderEvents();
  }, [feed, isOlder, events]);
  if (shownId === undefined) {
    return (
      <>
        <Problem error={error} />
        <p class="empty">
          No runs yet. Every message starts one, and it is shown here as it happens.
        </p>
      </>
    );
  }
  return (
    <>
      <RunPicker
        runs={runs}
        selected={shownId}
        hasOlder={hasOlderRuns}
        events={events}
        onRun={(id) => onRun(id === runs[0]?.run_id ? undefined : id)}
        onOlder={() => void feed.loadOlderRuns()}
      />
      <TraceView
        key={`${shownId}:${run?.attempt ?? 1}`}
        service={service}
        runId={shownId}
        run={run}
        began={began}
        contactId={thread?.contact_id ?? null}
        onThread={onThread}
        onRetried={isDurable ? feed.refresh : undefined}
      />
    </>
  );
}

/** The event that began a run has the id of the run. */
function beganWith(
  events: readonly ThreadEvent[],
  runId: string | undefined,
): ThreadEvent | undefined {
  return events.find(({ event_id: id }) => id === runId);
}

interface TraceViewProps {
  readonly service: Service;
  readonly runId: string;
  readonly run: RunSummary | undefined;
  readonly began: ThreadEvent | undefined;
  readonly contactId: string | null;
  readonly onThread: (threadId: string) => void;
  readonly onRetried: (() => void) | undefined;
}

function TraceView({
  service,
  runId,
  run,
  began,
  contactId,
  onThread,
  onRetried,
}: TraceViewProps): VNode {
  const [attempt, setAttempt] = useState<number>();
  const watch = useMemo(() => new TraceWatch(service, runId, attempt), [service, runId, attempt]);
  useEffect(() => () => watch.close(), [watch]);
  const isOver = run !== undefined && !isActive(run);
  useEffect(() => {
    if (isOver) watch.runIsOver();
  }, [watch, isOver]);
  const { trace, readAt, error } = useSnapshot(watch);
  const sent = began && sentMessageOf(began);
  if (!trace)
    return error === undefined ? <p class="empty">Loading…</p> : <Problem error={error} />;
  const waiting = waitsFor(trace, run);
  const thread = { thread_id: trace.thread_id, contact_id: contactId };
  return (
    <>
      <RunHead
        service={service}
        trace={trace}
        run={run}
        sent={sent}
        now={readAt}
        onAttempt={setAttempt}
        onThread={onThread}
        onRetried={onRetried}
      />
      {waiting && <ServiceQuestion key={waiting.id} service={service} questionId={waiting.id} />}
      {trace.error && <ErrorView error={trace.error} />}
      {!trace.kept && (
        <p class="note">
          This run was not traced: it is older than the traces that are kept, or ran in another
          process. What the database has of it is shown.
        </p>
      )}
      <TimelineView trace={trace} now={readAt} />
      <StateView state={trace.state} />
      {sent && isSendable(sent) && (
        <RequestView url={service.base.href} hasKey={service.hasKey} thread={thread} sent={sent} />
      )}
    </>
  );
}

/** The question to a service that a run ended with, while it is open. */
function waitsFor(
  { entries, status }: Trace,
  run: RunSummary | undefined,
): EntryOf<'question'> | undefined {
  if ((run?.status ?? status) !== 'waiting') return undefined;
  const question = entries.findLast((entry) => entry.kind === 'question');
  return question?.audience === 'service' ? question : undefined;
}
