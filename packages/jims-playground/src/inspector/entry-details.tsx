import type { TraceEntry } from 'jims-client';
import type { VNode } from 'preact';

import { duration } from '../parts/quantities.ts';
import { Facts, Part, Prose } from './entry-parts.tsx';
import type { Fact } from './entry-parts.tsx';
import { Excerpt } from './error-view.tsx';
import { ModelDetails, modelFacts } from './model-details.tsx';
import type { TimelineRow } from './timeline.ts';

/** What an entry has, when it is opened. */
export function EntryDetails({ row }: { readonly row: TimelineRow }): VNode {
  const { entry, startMs, ms } = row;
  return (
    <div class="entry-details">
      <Facts
        facts={[
          ['At', <time dateTime={entry.at}>+{duration(startMs)}</time>],
          [
            'Took',
            entry.ms === 0
              ? undefined
              : entry.ms === null
                ? `${duration(ms)} so far`
                : duration(ms),
          ],
          ...factsOf(entry),
        ]}
      />
      <Content entry={entry} />
    </div>
  );
}

function Content({ entry }: { readonly entry: TraceEntry }): VNode | null {
  if (entry.kind === 'model') return <ModelDetails call={entry} />;
  if (entry.kind === 'step' || entry.kind === 'tool') {
    return (
      <>
        <Part title="Input" value={entry.input} />
        <Part title="Output" value={entry.output} />
        <Part title="Error" value={entry.error} />
        {entry.kind === 'tool' && entry.source && <Excerpt source={entry.source} />}
      </>
    );
  }
  if (entry.kind === 'event') return <Part title="Data" value={entry.event.event_data} />;
  const text = entry.kind === 'status' ? entry.message : 'text' in entry ? entry.text : undefined;
  return text === undefined ? null : <Prose text={text} />;
}

function factsOf(entry: TraceEntry): readonly Fact[] {
  switch (entry.kind) {
    case 'model':
      return modelFacts(entry);
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
