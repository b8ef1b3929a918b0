import type { RunSummary, ThreadEvent } from 'jims-client';
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';
import { clock, excerpt } from '../parts/quantities.ts';

interface RunPickerProps {
  /** Newest first. */
  readonly runs: readonly RunSummary[];
  readonly selected: string;
  readonly hasOlder: boolean;
  readonly events: readonly ThreadEvent[];
  readonly onRun: (runId: string) => void;
  readonly onOlder: () => void;
}

const OLDER = 'older';

/** Which run of the thread is shown. */
export function RunPicker({
  runs,
  selected,
  hasOlder,
  events,
  onRun,
  onOlder,
}: RunPickerProps): VNode {
  const index = runs.findIndex(({ run_id: id }) => id === selected);
  const texts = useMemo(
    () => new Map(events.map((event) => [event.event_id, textOf(event)])),
    [events],
  );
  const older = runs[index + 1];
  const newer = runs[index - 1];
  return (
    <div class="run-picker">
      <button
        type="button"
        class="bare"
        aria-label="Older run"
        title="Older run  ["
        disabled={!older}
        onClick={() => older && onRun(older.run_id)}
      >
        <Icon name="older" />
      </button>
      <select
        aria-label="Run"
        value={selected}
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (value === OLDER) onOlder();
          else onRun(value);
          event.currentTarget.value = selected;
        }}
      >
        {index < 0 && <option value={selected}>{selected}</option>}
        {runs.map((run) => (
          <option key={run.run_id} value={run.run_id}>
            {clock(run.accepted_at)} · {run.status} ·{' '}
            {excerpt(texts.get(run.run_id) ?? run.run_id, 40)}
          </option>
        ))}
        {hasOlder && <option value={OLDER}>Older runs…</option>}
      </select>
      <button
        type="button"
        class="bare"
        aria-label="Newer run"
        title="Newer run  ]"
        disabled={!newer}
        onClick={() => newer && onRun(newer.run_id)}
      >
        <Icon name="newer" />
      </button>
    </div>
  );
}

function textOf({ event_data: { content, name }, event_type: type }: ThreadEvent): string {
  if (typeof content === 'string') return content;
  // The answer of a service has the name of its question.
  return type === 'jims.question_answered' && typeof name === 'string' ? name : type;
}
