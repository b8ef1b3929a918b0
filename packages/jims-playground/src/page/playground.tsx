import { JimsApiError } from 'jims-client';
import type { VNode } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';

import { ChatHolder } from '../chat/chat-holder.ts';
import { ChatPane } from '../chat/chat-pane.tsx';
import { useAddress } from '../parts/use-address.ts';
import type { Go } from '../parts/use-address.ts';
import { useSnapshot } from '../parts/use-snapshot.ts';
import { addressOf } from '../service/address.ts';
import type { Address } from '../service/address.ts';
import type { Service } from '../service/service.ts';
import { keepPersona, readPersona } from '../service/settings.ts';
import type { Persona } from '../service/settings.ts';
import { Store } from '../service/store.ts';
import { ThreadFeed } from '../service/thread-feed.ts';
import type { ThreadSnapshot } from '../service/thread-feed.ts';
import type { AppDescription } from '../service/wire.ts';
import { ThreadsPane } from '../threads/threads-pane.tsx';
import { CodeBanner } from './code-banner.tsx';
import { InspectorPane } from './inspector-pane.tsx';
import { shortcutsOf } from './shortcuts-of.ts';
import { ShortcutsDialog, useShortcuts } from './shortcuts.tsx';
import { TopBar } from './top-bar.tsx';
import type { View } from './top-bar.tsx';

interface PlaygroundProps {
  readonly service: Service;
  /** The key is one of a contact. */
  readonly onContact: () => void;
}

/** The whole page: threads, chat, inspector. */
export function Playground({ service, onContact }: PlaygroundProps): VNode {
  const [address, go] = useAddress();
  const [persona, setPersona] = useState(readPersona);
  const [view, setView] = useState<View>('chat');
  const [isHelp, setHelp] = useState(false);
  const [app, appError, reloadApp] = useApp(service, onContact);
  const feed = useFeed(service, address.threadId);
  const { thread, runs, error } = useSnapshot<ThreadSnapshot>(feed ?? NO_THREAD);
  const contactId = thread?.contact_id ?? persona.contactId;
  const greets = greetsOf(app, appError);
  const holder = useChat(service, {
    address,
    go,
    persona,
    greets,
    contactId: address.threadId === undefined || thread ? contactId : undefined,
  });
  const { chat, isBusy, threadId: chatThreadId } = useSnapshot(holder);
  const newest = runs[0];
  const news = useNews(feed, `${isBusy} ${newest?.run_id} ${newest?.status}`);
  useEffect(() => {
    // The models that were used have changed since the last time.
    if (address.tab === 'app') reloadApp();
  }, [address.tab, reloadApp]);
  useEffect(() => {
    // What was just sent is what is looked at.
    if (isBusy && addressOf(location.hash).runId !== undefined) go({ runId: undefined });
  }, [go, isBusy]);

  const openThread = useCallback(
    (threadId: string | undefined) => {
      // With a thread in the address, its change begins the new chat.
      if (threadId === undefined && addressOf(location.hash).threadId === undefined)
        holder.begin(readPersona(), greets === true);
      go({ threadId, runId: undefined });
      setView('chat');
    },
    [go, greets, holder],
  );
  const openRun = useCallback(
    (runId: string) => {
      go({ runId, tab: 'run' });
      setView('inspector');
    },
    [go],
  );
  const shortcuts = useMemo(
    () => shortcutsOf({ go, setView, openThread, help: () => setHelp(true), runs: () => runs }),
    [go, openThread, runs],
  );
  useShortcuts(shortcuts);

  function changePersona(changed: Persona): void {
    keepPersona(changed);
    setPersona(changed);
    if (address.threadId === undefined) holder.begin(changed, greets === true);
  }

  return (
    <div class="playground" data-view={view}>
      <TopBar app={app} view={view} onView={setView} onHelp={() => setHelp(true)} />
      {app?.dev && <CodeBanner service={service} onLoaded={reloadApp} />}
      <main class="panes">
        <ThreadsPane
          service={service}
          persona={persona}
          onPersona={changePersona}
          threadId={address.threadId}
          onOpen={openThread}
          news={news}
        />
        <ChatPane
          service={service}
          chat={chatThreadId === address.threadId ? chat : undefined}
          thread={thread}
          threadError={error}
          isNew={address.threadId === undefined}
          contactId={contactId}
          runId={address.runId}
          onRun={openRun}
        />
        <InspectorPane
          service={service}
          feed={feed}
          app={app}
          appError={appError}
          address={address}
          go={go}
        />
      </main>
      {isHelp && <ShortcutsDialog shortcuts={shortcuts} onClose={() => setHelp(false)} />}
    </div>
  );
}

class NoThread extends Store<ThreadSnapshot> {}
const NO_THREAD = new NoThread({
  thread: undefined,
  runs: [],
  hasOlderRuns: false,
  events: [],
  hasOlderEvents: false,
  error: undefined,
});

/** What is served; read again when new code is live. */
function useApp(
  service: Service,
  onContact: () => void,
): readonly [AppDescription | undefined, unknown, () => void] {
  const [app, setApp] = useState<AppDescription>();
  const [error, setError] = useState<unknown>();
  const reload = useCallback(() => {
    service.app().then(setApp, (cause: unknown) => {
      if (cause instanceof JimsApiError && cause.status === 404) onContact();
      else setError(cause);
    });
  }, [service, onContact]);
  useEffect(reload, [reload]);
  useEffect(() => {
    if (app?.name) document.title = `${app.name} · JIMS playground`;
  }, [app]);
  return [app, error, reload];
}

/** Whether the app greets; `undefined` until that is known. */
function greetsOf(app: AppDescription | undefined, error: unknown): boolean | undefined {
  // The second pipeline is the conversation start.
  if (app) return app.pipelines.length > 1;
  return error === undefined ? undefined : false;
}

function useFeed(service: Service, threadId: string | undefined): ThreadFeed | undefined {
  const feed = useMemo(
    () => (threadId === undefined ? undefined : new ThreadFeed(service, threadId)),
    [service, threadId],
  );
  useEffect(() => () => feed?.close(), [feed]);
  return feed;
}

interface ChatOptions {
  readonly address: Address;
  readonly go: Go;
  readonly persona: Persona;
  /** Whether the app greets; `undefined` until that is known. */
  readonly greets: boolean | undefined;
  /** Of the thread; `undefined` until that is known. */
  readonly contactId: string | undefined;
}

/** Keeps the chat at the thread of the address, and the address at the thread of the chat. */
function useChat(
  service: Service,
  { address, go, persona, greets, contactId }: ChatOptions,
): ChatHolder {
  const holder = useMemo(() => new ChatHolder(service.client), [service]);
  const { threadId } = address;
  useEffect(() => {
    if (threadId !== undefined) {
      if (contactId !== undefined) holder.open(threadId, contactId);
    } else if (greets !== undefined) holder.begin(persona, greets);
    // A persona that changes begins a new chat by itself.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [holder, threadId, contactId, greets]);
  const { threadId: chatThreadId } = useSnapshot(holder);
  useEffect(() => {
    // After an edit, a greeting, and the first message.
    if (chatThreadId === undefined || chatThreadId === addressOf(location.hash).threadId) return;
    go({ threadId: chatThreadId, runId: undefined }, { replace: true });
  }, [go, chatThreadId]);
  useEffect(() => () => holder.close(), [holder]);
  return holder;
}

/** Grows when a message was sent or answered, or a run ended: the runs and the list of threads have changed. */
function useNews(feed: ThreadFeed | undefined, happened: string): number {
  const [news, setNews] = useState(0);
  useEffect(() => {
    feed?.refresh();
    setNews((count) => count + 1);
  }, [feed, happened]);
  return news;
}
