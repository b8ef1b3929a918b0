import type { Thread } from 'jims-client';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Confirm, Dialog } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { Problem } from '../parts/problem.tsx';
import { ago } from '../parts/quantities.ts';
import { hashOf } from '../service/address.ts';
import type { Service } from '../service/service.ts';
import { threadTitle } from './thread-title.ts';

interface ThreadRowProps {
  readonly thread: Thread;
  /** It waits for the answer of a service. */
  readonly isToAnswer: boolean;
  /** Its newest run failed. */
  readonly hasFailed: boolean;
  readonly service: Service;
  readonly isSelected: boolean;
  readonly showContact: boolean;
  readonly now: number;
  readonly onChange: () => void;
  readonly onDeleted: () => void;
}

export function ThreadRow(props: ThreadRowProps): VNode {
  const { thread, isToAnswer, hasFailed, isSelected, showContact, now } = props;
  const [open, setOpen] = useState<'rename' | 'delete'>();
  const title = threadTitle(thread);
  const href = hashOf({ threadId: thread.thread_id, runId: undefined, tab: 'run' });
  return (
    <li class="thread-row" data-selected={isSelected}>
      <a href={href} aria-current={isSelected ? 'true' : undefined}>
        <span class="thread-line">
          <span class="thread-title">{title}</span>
          <time class="soft" dateTime={thread.last_event_at}>
            {ago(thread.last_event_at, now)}
          </time>
        </span>
        <span class="thread-last">
          {hasFailed && <span class="badge failed">failed</span>}
          {thread.waiting && <span class="badge waiting">waiting</span>}
          {isToAnswer && <span class="badge waiting">needs an answer</span>}
          {showContact && thread.contact_id !== null && (
            <span class="badge">{thread.contact_id}</span>
          )}
          <span class="thread-excerpt">{thread.last_message?.excerpt ?? 'No messages'}</span>
        </span>
      </a>
      <span class="thread-actions">
        <button
          type="button"
          class="bare"
          aria-label={`Rename ${title}`}
          title="Rename"
          onClick={() => setOpen('rename')}
        >
          <Icon name="pencil" />
        </button>
        <button
          type="button"
          class="bare"
          aria-label={`Delete ${title}`}
          title="Delete"
          onClick={() => setOpen('delete')}
        >
          <Icon name="bin" />
        </button>
      </span>
      {open === 'rename' && <Rename {...props} onClose={() => setOpen(undefined)} />}
      {open === 'delete' && <Delete {...props} title={title} onClose={() => setOpen(undefined)} />}
    </li>
  );
}

interface ActionProps extends ThreadRowProps {
  readonly onClose: () => void;
}

function Rename({ thread, service, onChange, onClose }: ActionProps): VNode {
  const [title, setTitle] = useState(thread.title ?? '');
  const [error, setError] = useState<unknown>();
  async function rename(): Promise<void> {
    try {
      await service.client.threads.rename(
        thread.thread_id,
        title.trim() === '' ? null : title.trim(),
      );
      onClose();
      onChange();
    } catch (cause) {
      setError(cause);
    }
  }
  return (
    <Dialog title="Rename the thread" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void rename();
        }}
      >
        <label class="field">
          Title
          <input
            value={title}
            maxLength={80}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <p class="soft">Without a title it is the beginning of the first message again.</p>
        <Problem error={error} />
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({
  thread,
  service,
  title,
  onDeleted,
  onClose,
}: ActionProps & { readonly title: string }): VNode {
  const [error, setError] = useState<unknown>();
  async function remove(): Promise<void> {
    try {
      await service.client.threads.delete(thread.thread_id);
      onClose();
      onDeleted();
    } catch (cause) {
      setError(cause);
    }
  }
  return (
    <Confirm
      title="Delete the thread?"
      action="Delete"
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <p>“{title}” is erased with its events, runs and files. It cannot be brought back.</p>
      <Problem error={error} />
    </Confirm>
  );
}
