import type { ThreadEvent } from 'jims-client';
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import { Fold, Json } from '../parts/json-view.tsx';
import { Problem } from '../parts/problem.tsx';
import { clock, glance } from '../parts/quantities.ts';
import { useSnapshot } from '../parts/use-snapshot.ts';
import type { ThreadFeed } from '../service/thread-feed.ts';

const PAGE = 200;

interface LogTabProps {
  readonly feed: ThreadFeed;
  readonly onRun: (runId: string) => void;
}

/** The events of a thread, newest first, as they come. */
export function LogTab({ feed, onRun }: LogTabProps): VNode {
  const { events, hasOlderEvents, error } = useSnapshot(feed);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState(PAGE);
  const domains = useMemo(() => domainsOf(events), [events]);
  const listed =
    hidden.size === 0
      ? events
      : events.filter(({ event_type: type }) => !hidden.has(domainOf(type)));

  function toggle(domain: string): void {
    const next = new Set(hidden);
    if (!next.delete(domain)) next.add(domain);
    setHidden(next);
  }

  return (
    <>
      <Problem error={error} />
      {domains.length > 0 && (
        <fieldset class="domains">
          <legend class="sr-only">Domains that are shown</legend>
          {domains.map(([domain, count]) => (
            <label key={domain} class="chip" data-domain={domain}>
              <input
                type="checkbox"
                checked={!hidden.has(domain)}
                onChange={() => toggle(domain)}
              />
              {domain} <span class="soft">{count}</span>
            </label>
          ))}
        </fieldset>
      )}
      {events.length === 0 && <p class="empty">No events yet.</p>}
      <ol class="log">
        {listed.slice(0, shown).map((event) => (
          <li key={event.event_id}>
            <LogRow event={event} onRun={onRun} />
          </li>
        ))}
      </ol>
      {(listed.length > shown || hasOlderEvents) && (
        <button
          type="button"
          class="more"
          onClick={() => {
            setShown(shown + PAGE);
            if (listed.length <= shown + PAGE) void feed.loadOlderEvents();
          }}
        >
          Load older events
        </button>
      )}
    </>
  );
}

function LogRow({
  event,
  onRun,
}: {
  readonly event: ThreadEvent;
  readonly onRun: (runId: string) => void;
}): VNode {
  const { event_type: type, created_at: at, event_data: data, run_id: runId } = event;
  return (
    <Fold
      class="log-row"
      summary={
        <>
          <time class="soft" dateTime={at}>
            {clock(at)}
          </time>
          <span class="event-type" data-domain={domainOf(type)}>
            {type}
          </span>
          <span class="entry-about">{glance(data['content']) || glance(data)}</span>
        </>
      }
    >
      {() => (
        <div class="entry-details">
          <p class="soft ids">
            <span>
              Event <code>{event.event_id}</code>
            </span>
            {typeof runId === 'string' && (
              <button type="button" class="link" onClick={() => onRun(runId)}>
                Show its run
              </button>
            )}
          </p>
          <Json value={data} open={3} />
        </div>
      )}
    </Fold>
  );
}

function domainOf(type: string): string {
  return type.split('.', 1)[0] ?? type;
}

function domainsOf(events: readonly ThreadEvent[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { event_type: type } of events) {
    const domain = domainOf(type);
    counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  return [...counts].toSorted(([one], [other]) => one.localeCompare(other));
}
