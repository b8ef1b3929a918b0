/**
 * Draws the page from the OpenAPI document, in the browser. Everything from the document and from
 * answers goes in as text, never as HTML. No template literals here: this is one.
 */
export const DOCS_SCRIPT = String.raw`
'use strict';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const base = location.pathname.replace(/\/docs\/?$/, '');
const keyInput = document.getElementById('key');
let spec;

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

function authorization() {
  return keyInput.value ? { authorization: 'Bearer ' + keyInput.value } : {};
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

function refName(schema) {
  return schema.$ref ? schema.$ref.split('/').at(-1) : undefined;
}

function resolve(schema) {
  const name = schema && refName(schema);
  return name ? spec.components.schemas[name] : schema || {};
}

function typeOf(schema) {
  const name = refName(schema);
  if (name) return [el('a', { href: '#schema-' + name, textContent: name })];
  const either = schema.anyOf || schema.oneOf;
  if (either) return either.flatMap((one, i) => (i ? [' or ', ...typeOf(one)] : typeOf(one)));
  if (schema.items) return ['list of ', ...typeOf(schema.items)];
  if (schema.enum) return [schema.enum.map((one) => JSON.stringify(one)).join(', ')];
  if ('const' in schema) return [JSON.stringify(schema.const)];
  return [[schema.type, schema.format].filter(Boolean).join(', ') || 'anything'];
}

function limitsOf(schema) {
  const limits = [];
  if ('default' in schema) limits.push('default ' + JSON.stringify(schema.default));
  if ('minLength' in schema) limits.push('at least ' + schema.minLength + ' characters');
  if ('maxLength' in schema) limits.push('at most ' + schema.maxLength + ' characters');
  if ('minimum' in schema) limits.push('from ' + schema.minimum);
  if ('maximum' in schema) limits.push('to ' + schema.maximum);
  if ('pattern' in schema) limits.push('matches ' + schema.pattern);
  return limits.length ? text('div', 'note', limits.join(' · ')) : undefined;
}

function row(name, schema, required) {
  return el('tr', {},
    el('td', {}, text('code', '', name), required ? text('span', 'required', ' required') : undefined),
    el('td', {},
      el('span', { className: 'type' }, ...typeOf(schema)),
      schema.description ? el('div', {}, ...inline(schema.description)) : undefined,
      limitsOf(schema),
      schema.properties ? members(schema) : undefined));
}

function members(schema) {
  const required = schema.required || [];
  const rows = Object.entries(schema.properties || {});
  return el('table', {}, el('tbody', {}, ...rows.map(([name, one]) => row(name, one, required.includes(name)))));
}

/** An example of what to send: the schema's own, else its required members. */
function exampleOf(reference) {
  const schema = resolve(reference);
  if (schema.examples && schema.examples.length) return schema.examples[0];
  if (schema.properties) {
    const required = schema.required || [];
    return Object.fromEntries(required.map((name) => [name, exampleOf(schema.properties[name])]));
  }
  if ('default' in schema) return schema.default;
  if ('const' in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  return { string: 'text', integer: 1, number: 1, boolean: true, array: [], object: {} }[schema.type] ?? null;
}

function mediaOf(holder) {
  const [type, media] = Object.entries((holder && holder.content) || {})[0] || [];
  return { type, ...media };
}

function responseRow(status, response) {
  const media = mediaOf(response);
  const example = media.example === undefined ? undefined : el('details', {}, text('summary', '', 'Example'), pre(media.example));
  return el('tr', {},
    el('td', {}, text('code', status < 300 ? 'good' : '', status)),
    el('td', {}, response.description, ' ',
      el('span', { className: 'type' }, ...(media.schema && (refName(media.schema) || media.schema.anyOf) ? typeOf(media.schema) : [media.type || ''])),
      example));
}

function operationCard(path, method, operation) {
  const body = mediaOf(operation.requestBody);
  const parameters = operation.parameters || [];
  const card = el('section', { id: operation.operationId },
    el('h3', {}, text('span', 'method ' + method, method.toUpperCase()), text('span', 'path', path), text('span', 'summary', operation.summary || '')),
    markdown(operation.description));
  if (parameters.length) {
    card.append(text('h4', '', 'Parameters'), el('table', {}, el('tbody', {}, ...parameters.map((one) =>
      row(one.name, { ...one.schema, description: one.description }, one.required)))));
  }
  if (body.schema) card.append(text('h4', '', 'Request'), members(resolve(body.schema)), pre(exampleOf(body.schema)));
  card.append(text('h4', '', 'Responses'), el('table', {}, el('tbody', {}, ...Object.entries(operation.responses).map(([status, one]) => responseRow(status, one)))));
  card.append(tryIt(path, method, parameters, body.schema));
  return card;
}

function tryIt(path, method, parameters, bodySchema) {
  const inputs = parameters.map((one) => [one, el('input', { placeholder: one.name })]);
  const area = bodySchema && el('textarea', { value: JSON.stringify(exampleOf(bodySchema), null, 2), rows: 7, spellcheck: false, ariaLabel: 'Request body' });
  const button = el('button', { type: 'submit', textContent: 'Send' });
  const output = el('div', { ariaLive: 'polite' });
  const form = el('form', {}, ...inputs.map(([one, input]) => el('label', { className: 'field' }, one.name, input)), area || undefined, button, output);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    button.disabled = true;
    output.replaceChildren();
    try {
      await send(requestOf(path, method, inputs, area), output);
    } catch (error) {
      output.append(text('p', 'bad', String(error)));
    } finally {
      button.disabled = false;
    }
  });
  return el('details', {}, text('summary', '', 'Try it'), form);
}

function requestOf(path, method, inputs, area) {
  const query = new URLSearchParams();
  const headers = { ...authorization() };
  let url = base + path;
  for (const [{ name, in: place }, { value }] of inputs) {
    if (place === 'path') url = url.replace('{' + name + '}', encodeURIComponent(value));
    else if (value && place === 'query') query.set(name, value);
    else if (value && place === 'header') headers[name] = value;
  }
  if (area) headers['content-type'] = 'application/json';
  if (query.size) url += '?' + query;
  return [url, { method: method.toUpperCase(), headers, ...(area && { body: area.value }) }];
}

async function send([url, options], output) {
  const started = performance.now();
  const response = await fetch(url, options);
  const status = text('p', response.ok ? 'good' : 'bad', response.status + ' ' + response.statusText);
  const answer = el('pre', {});
  output.append(status, answer);
  const decoder = new TextDecoder();
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    answer.textContent += decoder.decode(value, { stream: true });
  }
  if ((response.headers.get('content-type') || '').includes('json')) {
    answer.textContent = JSON.stringify(JSON.parse(answer.textContent), null, 2);
  }
  const ms = Math.round(performance.now() - started);
  status.append(text('span', 'note', ' · ' + ms + ' ms · request ' + response.headers.get('x-request-id')));
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
