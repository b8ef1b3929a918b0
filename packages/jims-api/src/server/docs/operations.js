'use strict';

// Operations: what they take, and what they answer.

const EVENT_STREAM = 'text/event-stream';

function mediaOf(holder) {
  const [type, media] = Object.entries((holder && holder.content) || {})[0] || [];
  return { type, ...media };
}

function operationCard({ path, method, operation }) {
  const head = el(
    'h3',
    {},
    text('span', 'method ' + method, method.toUpperCase()),
    el('span', { className: 'path' }, ...breakable(path)),
    text('span', 'summary', operation.summary || ''),
  );
  return folded(operation.operationId, head, () => operationBody({ path, method, operation }));
}

/** A path breaks before a slash, when it must. */
function breakable(path) {
  return path.split(/(?=\/)/).flatMap((piece, i) => (i ? [el('wbr'), piece] : [piece]));
}

function operationBody({ path, method, operation }) {
  const body = mediaOf(operation.requestBody);
  const parameters = operation.parameters || [];
  // A page cannot make up a file.
  const isTried = !body.schema || body.type === 'application/json';
  return [
    el(
      'p',
      { className: 'note' },
      'Operation ',
      el('a', { href: '#' + operation.operationId, textContent: operation.operationId }),
    ),
    markdown(operation.description),
    ...(parameters.length > 0 ? [text('h4', '', 'Parameters'), parameterTable(parameters)] : []),
    ...(body.schema
      ? [
          text('h4', '', 'Request'),
          el('p', { className: 'type' }, ...typeOf(body.schema)),
          members(resolve(body.schema)),
          pre(exampleOf(body.schema)),
        ]
      : []),
    text('h4', '', 'Responses'),
    tableOf(Object.entries(operation.responses).map(([status, one]) => responseRow(status, one))),
    ...Object.values(operation.responses).flatMap(frameParts),
    ...(isTried ? [tryIt(path, method, parameters, body.schema)] : []),
  ];
}

function tableOf(rows) {
  return el('table', {}, el('tbody', {}, ...rows));
}

function parameterTable(parameters) {
  return tableOf(
    parameters.map(({ name, in: position, schema, description, required }) =>
      row(name, { ...schema, description }, { required, note: position }),
    ),
  );
}

function responseRow(status, response) {
  const media = mediaOf(response);
  const example =
    media.example === undefined
      ? undefined
      : el('details', {}, text('summary', '', 'Example'), pre(media.example));
  return el(
    'tr',
    {},
    el('td', {}, text('code', status < 300 ? 'good' : '', status)),
    el(
      'td',
      {},
      response.description,
      ' ',
      el(
        'span',
        { className: 'type' },
        ...(media.schema && (refName(media.schema) || media.schema.anyOf)
          ? typeOf(media.schema)
          : [media.type || '']),
      ),
      example,
    ),
  );
}

/** The frames of an answer that is an event stream, in a part of their own. */
function frameParts(response) {
  const { [EVENT_STREAM]: stream } = response.content || {};
  const frames = stream && stream['x-frames'];
  if (!frames) return [];
  const title = mediaOf(response).type === EVENT_STREAM ? 'Frames' : 'Frames, as ' + EVENT_STREAM;
  return [text('h4', '', title), tableOf(frames.map(frameRow))];
}

function frameRow({ event, description, include, last, schema }) {
  const notes = [include && 'with include: ' + include, last && 'the last one'].filter(Boolean);
  return el(
    'tr',
    {},
    el('td', {}, text('code', '', event)),
    el(
      'td',
      {},
      el('div', {}, ...inline(description)),
      notes.length > 0 ? text('div', 'note', notes.join(' · ')) : undefined,
      refName(schema) ? el('div', { className: 'type' }, ...typeOf(schema)) : undefined,
      // What is always there matters to those who send, not to those who read.
      schema.properties ? members({ ...schema, required: [] }) : undefined,
    ),
  );
}
