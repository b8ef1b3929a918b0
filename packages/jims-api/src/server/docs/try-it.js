'use strict';

// Requests that are sent from the page; an answer is shown as it comes.

function tryIt(path, method, parameters, bodySchema) {
  const inputs = parameters.map((one) => [one, el('input', { placeholder: one.name })]);
  const area =
    bodySchema &&
    el('textarea', {
      value: JSON.stringify(exampleOf(bodySchema), null, 2),
      rows: 7,
      spellcheck: false,
      ariaLabel: 'Request body',
    });
  const button = el('button', { type: 'submit', textContent: 'Send' });
  const output = el('div', { ariaLive: 'polite' });
  const form = el(
    'form',
    {},
    ...inputs.map(([one, input]) => el('label', { className: 'field' }, one.name, input)),
    area || undefined,
    button,
    output,
  );
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
  const status = text(
    'p',
    response.ok ? 'good' : 'bad',
    response.status + ' ' + response.statusText,
  );
  const answer = el('pre', {});
  output.append(status, answer);
  const decoder = new TextDecoder();
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    answer.textContent += decoder.decode(value, { stream: true });
  }
  if ((response.headers.get('content-type') || '').includes('json')) {
    answer.textContent = JSON.stringify(JSON.parse(answer.textContent), null, 2);
  }
  const ms = Math.round(performance.now() - started);
  status.append(
    text('span', 'note', ' · ' + ms + ' ms · request ' + response.headers.get('x-request-id')),
  );
}
