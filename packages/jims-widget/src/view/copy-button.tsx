import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { useTexts } from './chat-context.ts';
import { IconButton } from './icon-button.tsx';

const SHOWN_MS = 2000;

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
  readonly class: string;
}

/** Copies, and says so. */
export function CopyButton({ text, label, class: looks }: CopyButtonProps): JSX.Element {
  const { copied } = useTexts();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);

  async function copy(event: MouseEvent): Promise<void> {
    setCopied(await writeToClipboard(text, event.currentTarget));
  }

  const says = isCopied ? copied : label;
  return (
    <IconButton
      icon={isCopied ? 'check' : 'copy'}
      class={looks}
      label={says}
      onClick={(event) => void copy(event)}
    />
  );
}

async function writeToClipboard(text: string, near: EventTarget | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page without https has no clipboard, only the command of old.
    return near instanceof HTMLElement && copyBySelection(text, near);
  }
}

function copyBySelection(text: string, near: HTMLElement): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'unseen';
  near.after(area);
  area.select();
  // oxlint-disable-next-line typescript/no-deprecated
  const isCopied = document.execCommand('copy');
  area.remove();
  near.focus();
  return isCopied;
}
