'use strict';

// The documentation page: loads the OpenAPI document, and draws the page of it.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const base = location.pathname.replace(/\/docs\/?$/, '');
const keyInput = document.getElementById('key');
/** What is made of a folded part when it is opened for the first time. */
const unmade = new Map();
let spec;

function authorization() {
  return keyInput.value ? { authorization: 'Bearer ' + keyInput.value } : {};
}

function draw() {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      path,
      method,
      operation: item[method],
    })),
  );
  const groups = Map.groupBy(operations, ({ operation }) => (operation.tags || ['other'])[0]);
  const ordered = [...groups].toSorted(([a], [b]) => (a === 'service') - (b === 'service'));
  const schemas = Object.entries(spec.components.schemas).toSorted(([a], [b]) =>
    a.localeCompare(b),
  );
  unmade.clear();
  document.querySelector('.version').textContent = spec.info.version;
  const address = base + '/openapi.json';
  document
    .querySelector('main')
    .replaceChildren(
      el(
        'div',
        { className: 'intro' },
        markdown(spec.info.description),
        el('p', {}, el('a', { href: address, textContent: 'openapi.json' })),
      ),
      ...ordered.map(([tag, group]) => part(titled(tag), group.map(operationCard))),
      part('Schemas', schemas.map(schemaCard)),
    );
  drawMenu(ordered, schemas);
  reveal(location.hash);
}

function part(title, cards) {
  return el('section', {}, text('h2', '', title), ...cards);
}

function titled(tag) {
  return tag[0].toUpperCase() + tag.slice(1);
}

/** A part with an address of its own: folded, and not made, until it is opened. */
function folded(id, head, make) {
  const details = el('details', { id, className: 'card' }, el('summary', {}, head));
  unmade.set(details, make);
  // Before the browser opens it: it would be seen empty.
  details.firstChild.addEventListener('click', () => complete(details));
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    complete(details);
    history.replaceState(null, '', '#' + id);
    markCurrent(id);
  });
  return details;
}

function complete(details) {
  const make = unmade.get(details);
  unmade.delete(details);
  if (make) details.append(el('div', { className: 'body' }, ...make()));
}

/** Opens the part that an address names, and goes there. */
function reveal(hash) {
  const details = hash.length > 1 && document.getElementById(hash.slice(1));
  if (!details || !details.matches('details.card')) return;
  complete(details);
  details.open = true;
  markCurrent(details.id);
  details.scrollIntoView();
  details.firstChild.focus({ preventScroll: true });
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="#"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const hash = link.getAttribute('href');
  if (hash !== location.hash) history.pushState(null, '', hash);
  closeMenu();
  reveal(hash);
});
addEventListener('popstate', () => reveal(location.hash));

async function load() {
  const response = await fetch(base + '/openapi.json', { headers: authorization() });
  if (response.ok) {
    spec = await response.json();
    if (!spec.components.securitySchemes) document.querySelector('header label').remove();
    draw();
    return;
  }
  const reason =
    response.status === 401
      ? 'This service needs a key: put it in above.'
      : 'The document cannot be had: ' + response.status;
  document.querySelector('main').replaceChildren(text('p', 'message', reason));
  if (response.status === 401) keyInput.focus();
}

keyInput.addEventListener('change', () => void load());
void load();

// Elements: all content is text, never HTML.

function el(tag, options, ...children) {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children.filter((child) => child !== undefined));
  return node;
}

function text(tag, className, content) {
  return el(tag, { className, textContent: content });
}

/** Text that scrolls when it is long: then the keyboard must reach it. */
function pre(value) {
  const content = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return el('pre', { textContent: content.trimEnd(), tabIndex: 0 });
}

/** As much Markdown as our descriptions have: paragraphs, lists and code. */
function markdown(source) {
  const box = el('div');
  for (const block of (source || '').split('\n\n')) {
    if (!block.trim()) continue;
    if (!block.startsWith('- ')) box.append(el('p', {}, ...inline(block)));
    else
      box.append(
        el(
          'ul',
          {},
          ...block
            .slice(2)
            .split('\n- ')
            .map((item) => el('li', {}, ...inline(item))),
        ),
      );
  }
  return box;
}

function inline(source) {
  return source.split('`').map((one, i) => (i % 2 ? text('code', '', one) : one));
}
