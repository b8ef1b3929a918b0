/** Shows an operation: what it takes and what it answers. No template literals here: this is one. */
export const OPERATIONS = String.raw`
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
`;
