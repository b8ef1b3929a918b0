/** To the messages, before `element`, which has the focus, goes away: a keyboard must not begin at the top again. */
export function keepFocus(element: Element): void {
  // Not to where a message is written: on a phone that opens the keyboard.
  moveFocus(element, '.scroller');
}

/** To where a message is written, before `element`, which has the focus, goes away. */
export function focusField(element: Element): void {
  moveFocus(element, '.input');
}

function moveFocus(element: Element, selector: string): void {
  const root = element.getRootNode();
  if (!(root instanceof ShadowRoot) || !root.activeElement) return;
  root.querySelector<HTMLElement>(selector)?.focus({ preventScroll: true });
}
