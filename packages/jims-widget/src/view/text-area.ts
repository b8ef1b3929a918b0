import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';

/** A field grows with its text up to this, in pixels. */
const MAX_HEIGHT = 200;

/** Enter alone, and not the one that ends the input of a word of Chinese, Japanese or Korean. */
export function isSendKey(event: KeyboardEvent): boolean {
  const isComposing = event.isComposing || event.keyCode === 229; // oxlint-disable-line typescript/no-deprecated
  return event.key === 'Enter' && !event.shiftKey && !isComposing;
}

export function useFittingHeight(area: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const { current } = area;
    // A field that is hidden has no height to take.
    if (!current || current.scrollHeight === 0) return;
    current.style.height = 'auto';
    current.style.height = `${Math.min(current.scrollHeight, MAX_HEIGHT)}px`;
  }, [area, text]);
}
