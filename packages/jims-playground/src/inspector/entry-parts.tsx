import type { ComponentChildren, VNode } from 'preact';

import { Json, LongText } from '../parts/json-view.tsx';

export type Fact = readonly [name: string, value: ComponentChildren];

/** Names and short values; those without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): VNode {
  return (
    <dl class="facts">
      {facts.map(([name, value]) =>
        value === undefined || value === null || value === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** A part of an entry with its value; nothing when there is no value. */
export function Part({
  title,
  value,
}: {
  readonly title: string;
  readonly value: unknown;
}): VNode | null {
  if (value === undefined || value === null) return null;
  return (
    <div class="part">
      <h4>{title}</h4>
      {typeof value === 'string' ? <Prose text={value} /> : <Json value={value} open={2} />}
    </div>
  );
}

export function Prose({ text }: { readonly text: string }): VNode {
  return (
    <p class="prose">
      <LongText text={text} />
    </p>
  );
}
