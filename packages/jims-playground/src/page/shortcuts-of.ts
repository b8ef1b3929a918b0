import type { RunSummary } from 'jims-client';

import type { Go } from '../parts/use-address.ts';
import { addressOf } from '../service/address.ts';
import type { TabName } from '../service/address.ts';
import type { Shortcut } from './shortcuts.tsx';
import type { View } from './top-bar.tsx';

interface Actions {
  readonly go: Go;
  readonly setView: (view: View) => void;
  readonly openThread: (threadId: string | undefined) => void;
  readonly help: () => void;
  /** Of the thread, newest first. */
  readonly runs: () => readonly RunSummary[];
}

/** What single keys do. */
export function shortcutsOf({ go, setView, openThread, help, runs }: Actions): readonly Shortcut[] {
  function tab(name: TabName): void {
    setView('inspector');
    go({ tab: name }, { replace: true });
  }
  function run(step: 1 | -1): void {
    const { runId } = addressOf(location.hash);
    const known = runs();
    const index = runId === undefined ? 0 : known.findIndex(({ run_id: id }) => id === runId);
    const next = known[index + step];
    if (next) go({ runId: index + step === 0 ? undefined : next.run_id });
  }
  function focus(view: View, selector: string): void {
    setView(view);
    if (!focusOn(selector)) requestAnimationFrame(() => focusOn(selector));
  }
  return [
    { key: 'n', does: 'New thread', run: () => openThread(undefined) },
    { key: '/', does: 'Search in threads', run: () => focus('threads', '#search') },
    { key: 't', does: 'Go to the threads', run: () => focus('threads', '.thread-row a') },
    { key: 'c', does: 'Go to the chat', run: () => focus('chat', 'jims-chat') },
    { key: 'i', does: 'Go to the inspector', run: () => focus('inspector', '#panel') },
    { key: '[', does: 'Older run', run: () => run(1) },
    { key: ']', does: 'Newer run', run: () => run(-1) },
    { key: '1', does: 'Run', run: () => tab('run') },
    { key: '2', does: 'Log of events', run: () => tab('log') },
    { key: '3', does: 'Protocols', run: () => tab('protocols') },
    { key: '4', does: 'App', run: () => tab('app') },
    { key: '?', does: 'This list', run: help },
  ];
}

/** Whether it could: what is hidden still takes no focus. */
function focusOn(selector: string): boolean {
  const element = document.querySelector(selector);
  if (element instanceof HTMLElement) element.focus();
  return element !== null && document.activeElement === element;
}
