import type { Trace } from 'jims-client';
import type { VNode } from 'preact';
import { useMemo } from 'preact/hooks';

import { Fold } from '../parts/json-view.tsx';
import { diffLines, isEqual } from './state-diff.ts';

/** The states of the thread before and after a run, as a difference. */
export function StateView({ state }: { readonly state: Trace['state'] }): VNode {
  const names = useMemo(
    () => [...new Set([...Object.keys(state.before), ...Object.keys(state.after)])],
    [state],
  );
  return (
    <section aria-label="State">
      <div class="section-head">
        <h3>State</h3>
        {names.length === 0 && <span class="soft">The thread has none.</span>}
      </div>
      {names.map((name) => (
        <StateDiff key={name} name={name} before={state.before[name]} after={state.after[name]} />
      ))}
    </section>
  );
}

function StateDiff({
  name,
  before,
  after,
}: {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}): VNode {
  const changed = !isEqual(before, after);
  return (
    <Fold
      class="sub"
      isOpen={changed}
      summary={
        <>
          <code>{name}</code> <span class="soft">{changeOf(before, after)}</span>
        </>
      }
    >
      {() => <Diff before={before} after={after} name={name} />}
    </Fold>
  );
}

function changeOf(before: unknown, after: unknown): string {
  if (isEqual(before, after)) return 'unchanged';
  if (before === undefined) return 'new';
  return after === undefined ? 'removed' : 'changed';
}

interface DiffProps {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

const SAID = { '+': 'added ', '-': 'removed ', ' ': '' } as const;

function Diff({ name, before, after }: DiffProps): VNode {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  return (
    <pre class="diff" tabIndex={0} role="region" aria-label={`How ${name} changed`}>
      {lines.map(({ sign, depth, text }, index) => (
        <span key={index} data-sign={sign}>
          <span aria-hidden="true">{sign} </span>
          <span class="sr-only">{SAID[sign]}</span>
          {'  '.repeat(depth)}
          {text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
