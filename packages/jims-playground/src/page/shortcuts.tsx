import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Dialog } from '../parts/dialog.tsx';
import { hasShortcuts, keepShortcuts } from '../service/settings.ts';

export interface Shortcut {
  readonly key: string;
  readonly does: string;
  readonly run: () => void;
}

/** Calls what a single key is for, unless somebody is writing. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event)) return;
      const shortcut = shortcuts.find(({ key }) => key === event.key);
      if (!shortcut || (event.key !== '?' && !hasShortcuts())) return;
      event.preventDefault();
      shortcut.run();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, [shortcuts]);
}

function isWriting(event: KeyboardEvent): boolean {
  // The chat's field is inside of an element with a shadow.
  const [target] = event.composedPath();
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName) ||
    target.closest('dialog') !== null
  );
}

interface ShortcutsDialogProps {
  readonly shortcuts: readonly Shortcut[];
  readonly onClose: () => void;
}

export function ShortcutsDialog({ shortcuts, onClose }: ShortcutsDialogProps): VNode {
  const [isOn, setOn] = useState(hasShortcuts);
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="shortcuts">
        {shortcuts.map(({ key, does }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={isOn}
          onChange={(event) => {
            setOn(event.currentTarget.checked);
            keepShortcuts(event.currentTarget.checked);
          }}
        />
        Single keys are shortcuts (? always is)
      </label>
      <div class="dialog-actions">
        <button type="button" class="primary" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
