import { ELEMENTS } from './script-elements.ts';
import { OPERATIONS } from './script-operations.ts';
import { SCHEMAS } from './script-schemas.ts';
import { TRY_IT } from './script-try-it.ts';

/** Loads the OpenAPI document, and draws the page of it. No template literals here: this is one. */
const PAGE = String.raw`
'use strict';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const base = location.pathname.replace(/\/docs\/?$/, '');
const keyInput = document.getElementById('key');
let spec;

function authorization() {
  return keyInput.value ? { authorization: 'Bearer ' + keyInput.value } : {};
}

function draw() {
  const operations = Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })));
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
      nav.append(el('a', { href: '#' + operation.operationId, title: path }, text('span', 'verb ' + method, method), operation.summary || path));
      main.append(operationCard(path, method, operation));
    }
  }
  nav.append(text('h2', '', 'schemas'));
  main.append(text('h2', '', 'Schemas'));
  for (const [name, schema] of Object.entries(spec.components.schemas).toSorted(([a], [b]) => a.localeCompare(b))) {
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
  const reason = response.status === 401 ? 'This service needs a key: put it in above.' : 'The document cannot be had: ' + response.status;
  document.querySelector('main').replaceChildren(text('p', 'message', reason));
  if (response.status === 401) keyInput.focus();
}

keyInput.addEventListener('change', load);
load();
`;

/** What runs in the browser. */
export const DOCS_SCRIPT: string = [PAGE, ELEMENTS, SCHEMAS, OPERATIONS, TRY_IT].join('');
