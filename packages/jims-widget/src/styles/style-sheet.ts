import base from './base.css';
import markdown from './markdown.css';
import messages from './messages.css';
import panel from './panel.css';

let sheet: CSSStyleSheet | undefined;

/** One for all elements of a page. A policy that forbids inline styles lets it through. */
export function styleSheet(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(base + panel + messages + markdown);
  }
  return sheet;
}
