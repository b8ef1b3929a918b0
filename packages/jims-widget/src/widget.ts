import { JimsChatElement } from './element/chat-element.ts';
import type { JimsChatEventMap } from './element/chat-events.ts';

// A page may have the widget twice: by a tag of its own, and in a bundle. On a server there is nothing to define.
if (globalThis.customElements && !customElements.get('jims-chat')) {
  customElements.define('jims-chat', JimsChatElement);
}

declare global {
  interface HTMLElementTagNameMap {
    'jims-chat': JimsChatElement;
  }
  // oxlint-disable-next-line typescript/no-empty-object-type
  interface HTMLElementEventMap extends JimsChatEventMap {}
}

export { JimsChatElement };
