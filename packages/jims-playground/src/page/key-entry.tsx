import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Icon } from '../parts/icon.tsx';

/** Why a key is wanted: there is none, it is unknown, or it is one of a contact, who sees no runs. */
export type Refusal = 'none' | 'unknown' | 'contact';

const REASONS = {
  none: '',
  unknown: 'The service does not know this key.',
  contact: 'This is the token of a contact. The playground needs a key of a service.',
} as const;

interface KeyEntryProps {
  readonly refusal: Refusal;
  readonly onKey: (key: string) => void;
}

/** Asks for the key of the service. */
export function KeyEntry({ refusal, onKey }: KeyEntryProps): VNode {
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
            aria-invalid={refusal !== 'none'}
            aria-describedby="key-problem"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <p id="key-problem" class="problem-line" role="alert">
          {REASONS[refusal]}
        </p>
        <button type="submit" class="primary">
          Open
        </button>
      </form>
    </main>
  );
}
