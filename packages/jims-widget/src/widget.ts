import { JimsChatElement } from './element/chat-element.ts';

// A page may have the widget twice: by a tag of its own, and in a bundle.
if (globalThis.customElements && !customElements.get('jims-chat')) {
  customElements.define('jims-chat', JimsChatElement);
}
