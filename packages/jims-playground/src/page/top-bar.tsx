import type { VNode } from 'preact';

import { Icon } from '../parts/icon.tsx';
import type { IconName } from '../parts/icon.tsx';
import type { AppDescription } from '../service/wire.ts';

/** Which pane is shown where there is no room for all. */
export type View = 'threads' | 'chat' | 'inspector';

const VIEWS: readonly { readonly name: View; readonly title: string; readonly icon: IconName }[] = [
  { name: 'threads', title: 'Threads', icon: 'threads' },
  { name: 'chat', title: 'Chat', icon: 'message' },
  { name: 'inspector', title: 'Inspector', icon: 'pipeline' },
];

interface TopBarProps {
  readonly app: AppDescription | undefined;
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly onHelp: () => void;
}

export function TopBar({ app, view, onView, onHelp }: TopBarProps): VNode {
  return (
    <header class="top-bar">
      <h1>
        <span class="mark" aria-hidden="true" />
        {app?.name ?? 'JIMS'}
      </h1>
      <span class="top-about">{app?.description ?? 'Playground'}</span>
      <div class="views" role="group" aria-label="Pane">
        {VIEWS.map(({ name, title, icon }) => (
          <button
            key={name}
            type="button"
            class={`view-${name}`}
            aria-pressed={name === view}
            onClick={() => onView(name)}
          >
            <Icon name={icon} />
            {title}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="bare help"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts"
        onClick={onHelp}
      >
        <kbd>?</kbd>
      </button>
    </header>
  );
}
