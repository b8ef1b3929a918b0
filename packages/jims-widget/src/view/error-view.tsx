import type { JimsApiError } from 'jims-client';
import type { JSX } from 'preact';

import { useTexts } from './chat-context.ts';
import { Icon } from './icons.tsx';
import { RetryButton } from './retry-button.tsx';

/** Sent once more it is the same. */
const FINAL = new Set([403, 404, 410, 413, 415, 422]);

interface ErrorViewProps {
  readonly error: JimsApiError;
  /** Whether the button is to be here: a message that was not sent, or not answered, has one of its own. */
  readonly canRetry: boolean;
}

/** Why the last action failed, and a button that tries it again where that may help. */
export function ErrorView({ error, canRetry }: ErrorViewProps): JSX.Element {
  const texts = useTexts();
  const says = texts.errors[error.code] ?? (error.message || texts.errors['other']);
  return (
    <div class="error" role="alert" part="error">
      <Icon name="alert" />
      <span dir="auto">{says}</span>
      {canRetry && !FINAL.has(error.status ?? 0) && <RetryButton />}
    </div>
  );
}
