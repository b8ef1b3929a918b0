import type { JSX } from 'preact';

import { useChat, useTexts } from './chat-context.ts';
import { keepFocus } from './keep-focus.ts';

/** Tries again what failed last. */
export function RetryButton(): JSX.Element {
  const { chat } = useChat();
  const { retry } = useTexts();
  return (
    <button
      type="button"
      class="text-button"
      onClick={({ currentTarget }) => {
        keepFocus(currentTarget);
        chat.retry().catch(() => {});
      }}
    >
      {retry}
    </button>
  );
}
