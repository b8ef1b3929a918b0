/** To the messages, before `element`, which has the focus, goes away: a keyboard must not begin at the top again. */
export function keepFocus(element: Element): void {
  const root = element.getRootNode();
  if (!(root instanceof ShadowRoot) || !root.activeElement) return;
  // Not to where a message is written: on a phone that opens the keyboard.
  root.querySelector<HTMLElement>('.scroller')?.focus({ preventScroll: true });
}
