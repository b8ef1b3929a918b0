'use strict';

// The documentation page: loads the OpenAPI document, and draws the page of it.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const base = location.pathname.replace(/\/docs\/?$/, '');
const keyInput = document.getElementById('key');
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
  const nav = document.querySelector('nav');
  const main = document.querySelector('main');
  document.querySelector('.version').textContent = spec.info.version;
  nav.replaceChildren();
  main.replaceChildren(markdown(spec.info.description));
  for (const [tag, group] of ordered) {
    nav.append(text('h2', '', tag));
    main.append(text('h2', '', tag[0].toUpperCase() + tag.slice(1)));
    for (const { path, method, operation } of group) {
      nav.append(
        el(
          'a',
          { href: '#' + operation.operationId, title: path },
          text('span', 'verb ' + method, method),
          operation.summary || path,
        ),
      );
      main.append(operationCard(path, method, operation));
    }
  }
  nav.append(text('h2', '', 'schemas'));
  main.append(text('h2', '', 'Schemas'));
  for (const [name, schema] of Object.entries(spec.components.schemas).toSorted(([a], [b]) =>
    a.localeCompare(b),
  )) {
    nav.append(el('a', { href: '#schema-' + name, textContent: name }));
    main.append(el('section', { id: 'schema-' + name }, text('h3', '', name), members(schema)));
  }
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

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
  return source.split('`').map((part, i) => (i % 2 ? text('code', '', part) : part));
}
