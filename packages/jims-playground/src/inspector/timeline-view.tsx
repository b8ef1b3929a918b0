import type { Trace } from 'jims-client';
import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';
import { Fold } from '../parts/json-view.tsx';
import { count, countOf, duration } from '../parts/quantities.ts';
import { EntryDetails } from './entry-details.tsx';
import { isFailure, timelineOf, titleOf } from './timeline.ts';
import type { TimelineRow } from './timeline.ts';

/** More rows come when they are wanted. */
const PAGE = 200;

/** A trace as rows in time: a bar, what it is, how long it took. */
export function TimelineView({
  trace,
  now,
}: {
  readonly trace: Trace;
  readonly now: number;
}): VNode {
  const { rows, totalMs } = useMemo(() => timelineOf(trace, now), [trace, now]);
  const [shown, setShown] = useState(PAGE);
  const [onlyWork, setOnlyWork] = useState(false);
  const listed = onlyWork ? rows.filter(({ entry }) => WORK.has(entry.kind)) : rows;
  return (
    <section class="timeline" aria-label="Timeline">
      <div class="section-head">
        <h3>Timeline</h3>
        <span class="soft">{countOf(rows.length, 'entry').replace('entrys', 'entries')}</span>
        <label class="check">
          <input
            type="checkbox"
            checked={onlyWork}
            onChange={(event) => setOnlyWork(event.currentTarget.checked)}
          />
          work only
        </label>
      </div>
      <div class="axis" aria-hidden="true">
        <span>0</span>
        <span>{duration(totalMs)}</span>
      </div>
      <ol class="entries">
        {listed.slice(0, shown).map((row) => (
          <li key={row.key}>
            <Entry row={row} totalMs={totalMs} />
          </li>
        ))}
      </ol>
      {listed.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + PAGE)}>
          Show {count(Math.min(PAGE, listed.length - shown))} more of {count(listed.length - shown)}
        </button>
      )}
      {trace.left_out > 0 && (
        <p class="soft">
          {countOf(trace.left_out, 'more entry').replace('entrys', 'entries')} were not kept: a
          trace is bounded.
        </p>
      )}
    </section>
  );
}

const WORK: ReadonlySet<string> = new Set(['pipeline', 'step', 'model', 'tool', 'question', 'end']);

function Entry({ row, totalMs }: { readonly row: TimelineRow; readonly totalMs: number }): VNode {
  const { entry, depth, isGoingOn } = row;
  const { name, about } = titleOf(entry);
  const failed = isFailure(entry);
  return (
    <Fold
      class={`entry${failed ? ' failed' : ''}`}
      kind={entry.kind}
      summary={
        <>
          <Bar row={row} totalMs={totalMs} />
          <span class="entry-icon" style={{ marginInlineStart: `${Math.min(depth, 4) * 10}px` }}>
            <Icon name={failed && entry.kind === 'step' ? 'failed' : entry.kind} />
          </span>
          <span class="entry-text">
            <span class="sr-only">{KINDS[entry.kind]} </span>
            <span class="entry-name">{name}</span> <span class="entry-about">{about}</span>
          </span>
          <span class="entry-time">
            {failed && <span class="sr-only">failed </span>}
            {isGoingOn ? 'running' : timeOf(row)}
          </span>
        </>
      }
    >
      {() => <EntryDetails row={row} />}
    </Fold>
  );
}

const KINDS = {
  queue: '',
  pipeline: 'Pipeline',
  step: 'Step',
  model: 'Model call',
  tool: 'Tool call',
  status: '',
  message: '',
  reasoning: '',
  event: 'Event',
  question: '',
  end: '',
} as const;

function timeOf({ entry, startMs, ms }: TimelineRow): string {
  return entry.ms === 0 ? `+${duration(startMs)}` : duration(ms);
}

/** From 0 to 100 along the run; a moment is a tick. */
function Bar({ row, totalMs }: { readonly row: TimelineRow; readonly totalMs: number }): VNode {
  const left = Math.min(100, (row.startMs / totalMs) * 100);
  const width = Math.min(100 - left, (row.ms / totalMs) * 100);
  return (
    <span class="track" aria-hidden="true">
      <span
        class={`bar${row.isGoingOn ? ' going' : ''}`}
        style={{ insetInlineStart: `${left}%`, width: `${width}%` }}
      />
    </span>
  );
}
