'use strict';

// Schemas, and an example of each.

function refName(schema) {
  return schema.$ref ? schema.$ref.split('/').at(-1) : undefined;
}

function resolve(schema) {
  const name = schema && refName(schema);
  return name ? spec.components.schemas[name] : schema || {};
}

/** The names of the schemas that one refers to, its members left out. */
function schemaNames(schema) {
  const name = refName(schema);
  if (name) return [name];
  const inside = schema.anyOf || schema.oneOf || (schema.items ? [schema.items] : []);
  return inside.flatMap(schemaNames);
}

function schemaCard([name, schema]) {
  const head = el('h3', {}, text('span', 'path', name));
  return folded('schema-' + name, head, () => {
    const about = schema.description ? [markdown(schema.description)] : [];
    return [...about, schema.properties ? members(schema) : el('p', {}, ...typeOf(schema))];
  });
}

function typeOf(schema) {
  const name = refName(schema);
  if (name) return [el('a', { href: '#schema-' + name, textContent: name })];
  const either = schema.anyOf || schema.oneOf;
  if (either) return either.flatMap((one, i) => [i ? ' or ' : '', typeOf(one)].flat());
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

function row(name, schema, { required, note } = {}) {
  return el(
    'tr',
    {},
    el(
      'td',
      {},
      text('code', '', name),
      required ? text('span', 'required', ' required') : undefined,
      note ? text('div', 'note', note) : undefined,
    ),
    el(
      'td',
      {},
      el('span', { className: 'type' }, ...typeOf(schema)),
      schema.description ? el('div', {}, ...inline(schema.description)) : undefined,
      limitsOf(schema),
      schema.properties ? members(schema) : undefined,
    ),
  );
}

function members(schema) {
  const required = schema.required || [];
  return tableOf(
    Object.entries(schema.properties || {}).map(([name, one]) =>
      row(name, one, { required: required.includes(name) }),
    ),
  );
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
  return (
    { string: 'text', integer: 1, number: 1, boolean: true, array: [], object: {} }[schema.type] ??
    null
  );
}
