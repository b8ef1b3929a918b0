/** Makes elements of the page, all content as text, never as HTML. No template literals here: this is one. */
export const ELEMENTS = String.raw`
function el(tag, options, ...children) {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

function text(tag, className, content) {
  return el(tag, { className, textContent: content });
}

function pre(value) {
  const content = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return el('pre', { textContent: content.trimEnd() });
}

/** As much Markdown as our descriptions have: paragraphs, lists and code. */
function markdown(source) {
  const box = el('div');
  for (const block of (source || '').split('\n\n')) {
    if (!block.trim()) continue;
    if (!block.startsWith('- ')) box.append(el('p', {}, ...inline(block)));
    else box.append(el('ul', {}, ...block.slice(2).split('\n- ').map((item) => el('li', {}, ...inline(item)))));
  }
  return box;
}

function inline(source) {
  return source.split('\x60').map((part, i) => (i % 2 ? text('code', '', part) : part));
}
`;
