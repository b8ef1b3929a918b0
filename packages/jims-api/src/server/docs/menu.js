'use strict';

// The menu: the operations by tag, and what a search finds of them.

const MAX_FOUND = 50;
const menu = document.getElementById('page-menu');
const menuButton = document.getElementById('page-menu-button');
const searchInput = document.getElementById('page-search');
const isNarrow = matchMedia('(max-width: 60rem)');
/** All that can be searched: its address, what its link shows, and its words, lower case. */
let entries = [];

function drawMenu(groups, schemas) {
  const operations = groups.map(([tag, group]) => [titled(tag), group.map(operationEntry)]);
  const all = [...operations, ['Schemas', schemas.map(schemaEntry)]];
  entries = all.flatMap(([, group]) => group);
  // The protocols of others, and schemas, wait folded.
  const isOwn = groups.map(([, group]) => group.some(({ path }) => path.startsWith('/api/')));
  document
    .getElementById('page-lists')
    .replaceChildren(
      el('ul', { id: 'page-results', hidden: true }),
      ...all.map(([title, group], i) =>
        el(
          'details',
          { open: isOwn[i] === true },
          el('summary', {}, title, text('span', 'count', String(group.length))),
          el('ul', {}, ...group.map(menuItem)),
        ),
      ),
    );
  find();
}

function operationEntry({ path, method, operation }) {
  const { operationId: id, summary = path } = operation;
  const media = [operation.requestBody, ...Object.values(operation.responses)].map(mediaOf);
  const schemas = media.flatMap(({ schema }) => (schema ? schemaNames(schema) : []));
  const body = media[0].schema ? Object.keys(resolve(media[0].schema).properties || {}) : [];
  const parameters = (operation.parameters || []).map(({ name }) => name);
  return {
    id,
    verb: method,
    label: summary,
    path,
    main: [id, method + ' ' + path, summary].join('\n').toLowerCase(),
    rest: [...parameters, ...body, ...schemas].join('\n').toLowerCase(),
  };
}

function schemaEntry([name, schema]) {
  const members = Object.keys(schema.properties || {});
  return {
    id: 'schema-' + name,
    verb: 'schema',
    label: name,
    main: name.toLowerCase(),
    rest: members.join('\n').toLowerCase(),
  };
}

function menuItem({ id, verb, label, path }) {
  return el(
    'li',
    {},
    el(
      'a',
      { href: '#' + id, title: path || label },
      verb === 'schema' ? undefined : text('span', 'verb ' + verb, verb),
      text('span', 'label', label),
    ),
  );
}

/** In a result the path is seen, too: what was searched for is often in it. */
function resultItem(entry) {
  const item = menuItem(entry);
  const note = entry.path || 'schema';
  item.firstChild.append(text('span', 'path', note));
  return item;
}

/** Shows what has all words of the search: first what has them in its name, path or summary. */
function find() {
  const words = searchInput.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hasAll = (content) => words.every((word) => content.includes(word));
  const named = entries.filter(({ main }) => hasAll(main));
  const others = entries.filter(({ main, rest }) => !hasAll(main) && hasAll(main + '\n' + rest));
  const found = words.length > 0 ? [...named, ...others] : [];
  const results = document.getElementById('page-results');
  if (!results) return;
  for (const list of results.parentNode.children) list.hidden = words.length > 0;
  results.hidden = words.length === 0;
  results.replaceChildren(...found.slice(0, MAX_FOUND).map(resultItem));
  document.getElementById('page-found').textContent =
    words.length === 0 ? '' : foundText(found.length);
}

function foundText(count) {
  if (count === 0) return 'Nothing found';
  if (count > MAX_FOUND) return 'The first ' + MAX_FOUND + ' of ' + count;
  return count === 1 ? '1 found' : count + ' found';
}

function markCurrent(id) {
  for (const link of menu.querySelectorAll('a')) {
    if (link.getAttribute('href') !== '#' + id) link.removeAttribute('aria-current');
    else {
      link.setAttribute('aria-current', 'true');
      const group = link.closest('details');
      if (group) group.open = true;
    }
  }
}

// On a narrow screen the menu is behind its button.

function openMenu() {
  if (!isNarrow.matches) return;
  menu.classList.add('open');
  menuButton.setAttribute('aria-expanded', 'true');
  document.querySelector('main').inert = true;
}

function closeMenu() {
  menu.classList.remove('open');
  menuButton.setAttribute('aria-expanded', 'false');
  document.querySelector('main').inert = false;
}

menuButton.addEventListener('click', () => {
  if (menu.classList.contains('open')) closeMenu();
  else openMenu();
});
isNarrow.addEventListener('change', closeMenu);

// By keyboard: / searches, the arrows go through what is seen, Enter opens, Escape goes back.

searchInput.addEventListener('input', find);
searchInput.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  if (searchInput.value.trim()) document.querySelector('#page-results a')?.click();
});

menu.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const seen = [searchInput, ...menu.querySelectorAll('summary, a')].filter((one) =>
    one.checkVisibility(),
  );
  const at = seen.indexOf(document.activeElement);
  if (at < 0) return;
  event.preventDefault();
  seen[Math.max(0, at + step)]?.focus();
});

document.addEventListener('keydown', (event) => {
  if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.target.matches('input, textarea')) return;
    event.preventDefault();
    openMenu();
    searchInput.focus();
    searchInput.select();
  }
  if (event.key === 'Escape') leaveMenu();
});

function leaveMenu() {
  const wasOpen = menu.classList.contains('open');
  if (searchInput.value) {
    searchInput.value = '';
    find();
    if (menu.contains(document.activeElement)) searchInput.focus();
  } else if (wasOpen) {
    closeMenu();
    menuButton.focus();
  }
}
