import type { Chat, JimsClient } from 'jims-client';
import 'jims-widget';
import type { Thread } from 'jims-client';
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';
import { Problem } from '../parts/problem.tsx';
import type { Service } from '../service/service.ts';
import { threadTitle } from '../threads/thread-title.ts';
import { saveAsJson, saveAsTest } from './save-thread.ts';
import { SavedTest } from './saved-test.tsx';

interface ChatPaneProps {
  readonly service: Service;
  readonly chat: Chat | undefined;
  readonly thread: Thread | undefined;
  /** Why the thread could not be read. */
  readonly threadError: unknown;
  /** The first message makes the thread. */
  readonly isNew: boolean;
  readonly contactId: string;
  /** The run that the inspector shows, when it is not the newest one. */
  readonly runId: string | undefined;
  readonly onRun: (runId: string) => void;
}

/** The chat, and what can be saved of it. */
export function ChatPane({
  service,
  chat,
  thread,
  threadError,
  isNew,
  contactId,
  runId,
  onRun,
}: ChatPaneProps): VNode {
  const [error, setError] = useState<unknown>();
  const [isSaving, setSaving] = useState(false);
  const [savedTest, setSavedTest] = useState<SavedFile>();

  async function save(action: (service: Service, thread: Thread) => Promise<void>): Promise<void> {
    if (!thread) return;
    setSaving(true);
    try {
      setError(undefined);
      await action(service, thread);
    } catch (cause) {
      setError(cause);
    } finally {
      setSaving(false);
    }
  }

  return (
    <div class="pane chat" id="chat">
      <div class="pane-head">
        <h2 class="chat-title">
          {titleOf(thread, { isNew, isLost: threadError !== undefined })}{' '}
          <span class="soft">{thread?.contact_id ?? contactId}</span>
        </h2>
        {thread && (
          <>
            <button
              type="button"
              class="small"
              disabled={isSaving}
              onClick={() =>
                void save(async (...args) => {
                  const fileName = await saveAsTest(...args);
                  setSavedTest({ fileName, title: threadTitle(thread) });
                })
              }
            >
              <Icon name="test" /> Save as test
            </button>
            <button
              type="button"
              class="small"
              disabled={isSaving}
              onClick={() => void save(saveAsJson)}
            >
              <Icon name="save" /> JSON
            </button>
          </>
        )}
      </div>
      <Problem error={error ?? (thread ? undefined : threadError)} />
      {thread?.superseded_by && (
        <p class="note">A message of this thread was edited: another thread replaced it.</p>
      )}
      {savedTest && <SavedTest {...savedTest} onClose={() => setSavedTest(undefined)} />}
      <ChatElement client={service.client} chat={chat} runId={runId} onRun={onRun} />
    </div>
  );
}

interface SavedFile {
  readonly fileName: string;
  readonly title: string;
}

interface TitleOptions {
  readonly isNew: boolean;
  readonly isLost: boolean;
}

function titleOf(thread: Thread | undefined, { isNew, isLost }: TitleOptions): string {
  if (thread) return threadTitle(thread);
  if (isNew) return 'New thread';
  return isLost ? 'Not found' : 'Loading…';
}

interface ChatElementProps {
  readonly client: JimsClient;
  readonly chat: Chat | undefined;
  readonly runId: string | undefined;
  readonly onRun: (runId: string) => void;
}

/** The chat of the widget, with the chat that the page holds. A message that is chosen shows its run. */
function ChatElement({ client, chat, runId, onRun }: ChatElementProps): VNode {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!chat) return;
    const element = document.createElement('jims-chat');
    element.setAttribute('mode', 'inline');
    element.client = client;
    element.chat = chat;
    element.texts = { empty: 'Say something to the app' };
    element.addEventListener('jims-message-select', ({ detail: message }) => {
      if (message.runId !== undefined) onRun(message.runId);
    });
    host.current?.replaceChildren(element);
    return () => element.remove();
  }, [client, chat, onRun]);
  useEffect(() => {
    const element = host.current?.querySelector('jims-chat');
    if (!chat || !element) return;
    const select = (): void => {
      const { messages } = chat.getSnapshot();
      const message = messages.findLast(
        (each) => each.runId === runId && each.role === 'assistant',
      );
      element.selectedMessageId = runId === undefined ? undefined : message?.id;
    };
    select();
    return chat.subscribe(select);
  }, [chat, runId]);
  return <div class="chat-host" ref={host} />;
}
