import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Icon } from './icon.tsx';

/** Puts text into the clipboard, and says that it did. */
export function CopyButton({
  text,
  label = 'Copy',
}: {
  readonly text: string;
  readonly label?: string;
}): VNode {
  const [state, setState] = useState<'' | 'Copied' | 'Not copied'>('');
  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setState('Copied');
    } catch {
      setState('Not copied');
    }
    setTimeout(() => setState(''), 2000);
  }
  return (
    <button type="button" class="small" onClick={() => void copy()}>
      <Icon name="copy" />
      <span aria-live="polite">{state || label}</span>
    </button>
  );
}

/** A block of code. */
export function Code({ text, label }: { readonly text: string; readonly label: string }): VNode {
  return (
    <pre class="code" tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}
