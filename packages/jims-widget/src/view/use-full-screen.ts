import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Where a floating panel would leave nothing of the page to see. */
const SMALL = '(max-width: 480px), (max-height: 420px)';
const FOCUSABLE = 'a[href], button, summary, select, textarea, input:not([hidden]), [tabindex="0"]';

/** Whether the panel has the whole screen; then it is as high as what a virtual keyboard leaves. */
export function useFullScreen(panel: RefObject<HTMLElement | null>, isOpen: boolean): boolean {
  const [isSmall, setSmall] = useState(() => matchMedia(SMALL).matches);
  useEffect(() => {
    const query = matchMedia(SMALL);
    const look = (): void => setSmall(query.matches);
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  useEffect(() => {
    const { visualViewport: view } = window;
    if (!isSmall || !isOpen || !view) return undefined;
    const fit = (): void => {
      panel.current?.style.setProperty('--view-height', `${view.height}px`);
      panel.current?.style.setProperty('--view-top', `${view.offsetTop}px`);
    };
    fit();
    view.addEventListener('resize', fit);
    view.addEventListener('scroll', fit);
    return () => {
      view.removeEventListener('resize', fit);
      view.removeEventListener('scroll', fit);
    };
  }, [isSmall, isOpen, panel]);
  return isSmall;
}

/** Tab goes around in the panel: the page below it cannot be seen. */
export function keepFocusInside(panel: HTMLElement, event: KeyboardEvent): void {
  if (event.key !== 'Tab') return;
  const stops = [...panel.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((element) =>
    element.checkVisibility(),
  );
  const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
  if (event.target !== from) return;
  event.preventDefault();
  to?.focus();
}
