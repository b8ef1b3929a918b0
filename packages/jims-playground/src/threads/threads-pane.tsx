import type { VNode } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';
import { Problem } from '../parts/problem.tsx';
import { useSnapshot } from '../parts/use-snapshot.ts';
import type { Service } from '../service/service.ts';
import type { Persona } from '../service/settings.ts';
import { ThreadList } from '../service/thread-list.ts';
import { PersonaView } from './persona-view.tsx';
import { ThreadRow } from './thread-row.tsx';

interface ThreadsPaneProps {
  readonly service: Service;
  readonly persona: Persona;
  readonly onPersona: (persona: Persona) => void;
  readonly threadId: string | undefined;
  readonly onOpen: (threadId: string | undefined) => void;
  /** Grows when something happened that changes the list. */
  readonly news: number;
}

/** The threads: of the chosen contact or of all, by last activity. */
export function ThreadsPane({
  service,
  persona,
  onPersona,
  threadId,
  onOpen,
  news,
}: ThreadsPaneProps): VNode {
  const [words, setWords] = useState('');
  const [ofAll, setOfAll] = useState(true);
  const [isWaiting, setWaiting] = useState(false);
  const contactId = ofAll ? undefined : persona.contactId;
  const searched = useLater(words.trim(), 250);
  const list = useMemo(
    () => new ThreadList(service, { contactId, words: searched, isWaiting }),
    [service, contactId, searched, isWaiting],
  );
  useEffect(() => () => list.close(), [list]);
  useEffect(() => {
    if (news > 0) void list.reload();
  }, [list, news]);

  return (
    <nav class="pane threads" id="threads" aria-label="Threads">
      <div class="pane-head">
        <h2>Threads</h2>
        <button type="button" class="primary" onClick={() => onOpen(undefined)}>
          <Icon name="plus" /> New
        </button>
      </div>
      <PersonaView persona={persona} onPersona={onPersona} />
      <div class="thread-filters">
        <label class="search">
          <Icon name="search" />
          <span class="sr-only">Search in threads</span>
          <input
            id="search"
            type="search"
            placeholder="Search"
            maxLength={200}
            value={words}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
        </label>
        <div class="checks">
          <label class="check">
            <input type="checkbox" checked={!ofAll} onChange={() => setOfAll(!ofAll)} />
            this contact
          </label>
          <label class="check">
            <input type="checkbox" checked={isWaiting} onChange={() => setWaiting(!isWaiting)} />
            waiting
          </label>
        </div>
      </div>
      <Rows
        list={list}
        service={service}
        threadId={threadId}
        onOpen={onOpen}
        showContact={ofAll}
        isFiltered={searched !== '' || isWaiting}
      />
    </nav>
  );
}

interface RowsProps extends Pick<ThreadsPaneProps, 'service' | 'threadId' | 'onOpen'> {
  readonly list: ThreadList;
  readonly showContact: boolean;
  readonly isFiltered: boolean;
}

function Rows({ list, service, threadId, onOpen, showContact, isFiltered }: RowsProps): VNode {
  const { threads, toAnswer, failed, hasMore, isLoading, error } = useSnapshot(list);
  const now = Date.now();
  return (
    <div class="pane-body">
      <Problem error={error} />
      {threads.length === 0 && !isLoading && error === undefined && (
        <p class="empty">
          {isFiltered ? 'No thread is like that.' : 'No threads yet. Say something to begin one.'}
        </p>
      )}
      <ul class="thread-rows">
        {threads.map((thread) => (
          <ThreadRow
            key={thread.thread_id}
            thread={thread}
            isToAnswer={toAnswer.has(thread.thread_id)}
            hasFailed={failed.has(thread.thread_id)}
            service={service}
            isSelected={thread.thread_id === threadId}
            showContact={showContact}
            now={now}
            onChange={() => void list.reload()}
            onDeleted={() => {
              void list.reload();
              if (thread.thread_id === threadId) onOpen(undefined);
            }}
          />
        ))}
      </ul>
      {hasMore && (
        <button type="button" class="more" onClick={() => void list.loadMore()}>
          Load more
        </button>
      )}
    </div>
  );
}

/** A value when it has not changed for a while. */
function useLater<Value>(value: Value, ms: number): Value {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return later;
}
