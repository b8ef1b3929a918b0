import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';

interface KeyEntryProps {
  /** Whether a key was tried, and refused. */
  readonly wasRefused: boolean;
  readonly onKey: (key: string) => void;
}

/** Asks for the key of the service. */
export function KeyEntry({ wasRefused, onKey }: KeyEntryProps): VNode {
  const [key, setKey] = useState('');
  return (
    <main class="key-entry">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== '') onKey(key.trim());
        }}
      >
        <h1>
          <Icon name="key" /> This service wants a key
        </h1>
        <p class="soft">
          One of <code>JIMS_API_KEY</code>, or another token of a service. It stays in this tab, and
          is gone when the tab is closed.
        </p>
        <label class="field">
          Key
          <input
            type="password"
            autocomplete="off"
            value={key}
            aria-invalid={wasRefused}
            aria-describedby="key-problem"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <p id="key-problem" class="problem-line" role="alert">
          {wasRefused && 'The service does not know this key.'}
        </p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}
