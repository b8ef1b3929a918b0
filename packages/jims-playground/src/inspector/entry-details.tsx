import type { ComponentChildren, VNode } from 'preact';

import { Json, LongText } from '../parts/json-view.tsx';
import { duration } from '../parts/quantities.ts';
import type { TraceEntry } from '../service/wire.ts';
import { ModelDetails } from './model-details.tsx';
import type { TimelineRow } from './timeline.ts';

/** What an entry has, when it is opened. */
export function EntryDetails({ row }: { readonly row: TimelineRow }): VNode {
  const { entry, startMs, ms } = row;
  return (
    <div class="entry-details">
      <Facts
        facts={[
          ['At', <time dateTime={entry.at}>+{duration(startMs)}</time>],
          ['Took', entry.ms === 0 ? undefined : entry.ms === null ? `${duration(ms)} so far` : duration(ms)],
          ...factsOf(entry),
        ]}
      />
      <Content entry={entry} />
    </div>
  );
}

function Content({ entry }: { readonly entry: TraceEntry }): VNode | null {
  switch (entry.kind) {
    case 'model':
      return <ModelDetails call={entry} />;
    case 'step':
    case 'tool':
      return (
        <>
          <Part title="Input" value={entry.input} />
          <Part title="Output" value={entry.output} />
          <Part title="Error" value={entry.error} />
        </>
      );
    case 'message':
    case 'reasoning':
      return <Prose text={entry.text} />;
    case 'status':
      return <Prose text={entry.message} />;
    case 'event':
      return <Part title="Data" value={entry.event.event_data} />;
    case 'question':
      return entry.text === undefined ? null : <Prose text={entry.text} />;
    case 'queue':
    case 'pipeline':
    case 'end':
      return null;
  }
}

function factsOf(entry: TraceEntry): readonly Fact[] {
  switch (entry.kind) {
    case 'step':
      return [
        ['Title', entry.title],
        ['Status', entry.status],
        ['Replayed', entry.replayed ? 'yes: its result was stored' : undefined],
      ];
    case 'tool':
      return [
        ['Title', entry.title],
        ['Status', entry.status],
        ['Call', entry.id],
      ];
    case 'message':
      return [
        ['Pieces', String(entry.pieces)],
        ['Message', entry.message_id],
      ];
    case 'event':
      return [
        ['Event', entry.event.event_id],
        ['Seen by', entry.internal ? 'the app alone' : 'clients, too'],
      ];
    case 'question':
      return [
        ['Name', entry.name],
        ['Question', entry.id],
      ];
    case 'end':
      return [['Reason', entry.reason]];
    case 'status':
      return [['Type', entry.type]];
    default:
      return [];
  }
}

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
export function Part({ title, value }: { readonly title: string; readonly value: unknown }): VNode | null {
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
