import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as v from 'valibot';

import { jimsProtocol } from '../../src/protocols/jims/routes.ts';
import { PROTOCOLS } from '../../src/protocols/registry.ts';
import { CodeFeed } from '../../src/server/code-feed.ts';
import { openApiDocument } from '../../src/server/openapi.ts';
import { serviceRoutes } from '../../src/server/service-routes.ts';
import { testApi } from '../support/api.ts';

/** What OpenAPI 3.1 asks of a document, as far as ours makes use of it. */
const Ref = v.strictObject({ $ref: v.string() });
const Json = v.record(v.string(), v.unknown());
const Frame = v.strictObject({
  event: v.string(),
  description: v.pipe(v.string(), v.nonEmpty()),
  include: v.optional(v.string()),
  last: v.optional(v.boolean()),
  schema: Json,
});
const Media = v.strictObject({
  schema: v.optional(Json),
  example: v.optional(v.unknown()),
  'x-frames': v.optional(v.array(Frame)),
});
const Content = v.record(v.pipe(v.string(), v.regex(/^[a-z]+\/[a-z-]+$/)), Media);
const Response = v.strictObject({
  description: v.pipe(v.string(), v.nonEmpty()),
  headers: v.record(v.string(), Ref),
  content: v.optional(Content),
});
const DocumentedOperation = v.strictObject({
  operationId: v.string(),
  summary: v.pipe(v.string(), v.nonEmpty()),
  description: v.optional(v.string()),
  tags: v.pipe(v.array(v.string()), v.nonEmpty()),
  security: v.optional(v.array(Json)),
  parameters: v.optional(
    v.array(
      v.strictObject({
        name: v.string(),
        in: v.picklist(['path', 'query', 'header']),
        description: v.string(),
        required: v.optional(v.boolean()),
        schema: Json,
      }),
    ),
  ),
  requestBody: v.optional(v.strictObject({ required: v.boolean(), content: Content })),
  responses: v.record(v.pipe(v.string(), v.regex(/^[1-5]\d\d$/)), Response),
});
const Document = v.strictObject({
  openapi: v.pipe(v.string(), v.regex(/^3\.1\.\d+$/)),
  info: v.strictObject({ title: v.string(), version: v.string(), description: v.string() }),
  security: v.optional(v.array(v.record(v.string(), v.array(v.string())))),
  paths: v.record(
    v.pipe(v.string(), v.regex(/^\//)),
    v.record(v.picklist(['get', 'post', 'put', 'patch', 'delete']), DocumentedOperation),
  ),
  components: v.strictObject({
    schemas: v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9._-]+$/)), Json),
    headers: v.record(v.string(), v.strictObject({ description: v.string(), schema: Json })),
    securitySchemes: v.optional(v.record(v.string(), Json)),
  }),
});

async function served(apiKeys: readonly string[] = []): Promise<v.InferOutput<typeof Document>> {
  await using api = testApi(() => {}, { apiKeys });
  const headers = { authorization: `Bearer ${apiKeys[0]}` };
  const response = await api.get('/openapi.json', headers);
  assert.equal(response.headers.get('content-type'), 'application/json');
  return v.parse(Document, await response.json());
}

function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(refsIn)];
}

test('the document has the structure of OpenAPI 3.1, with a key and without', async () => {
  const open = await served();
  assert.equal(open.security, undefined);
  assert.equal(open.components.securitySchemes, undefined);
  const secured = await served(['s3cret']);
  assert.deepEqual(secured.security, [{ bearer: [] }]);
  assert.deepEqual(secured.components.securitySchemes, {
    bearer: { type: 'http', scheme: 'bearer' },
  });
});

test('every reference in it leads somewhere, and every operation has a name of its own', async () => {
  const document = await served();
  const refs = refsIn(document);
  assert.ok(refs.length > 10);
  for (const ref of refs) {
    const [, kind, group, name] = ref.split('/');
    assert.equal(kind, 'components', ref);
    const found = group === 'headers' ? document.components.headers : document.components.schemas;
    assert.ok(name && name in found, ref);
  }
  const ids = Object.values(document.paths).flatMap((item) =>
    Object.values(item).map(({ operationId }) => operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
});

test('left out are the second addresses of routes, and what only refuses', async () => {
  const options = {
    secured: false,
    protocols: async () => [],
    isDraining: () => false,
    playground: true,
    widget: true,
    code: new CodeFeed(),
  };
  const protocols = await Promise.all(Object.values(PROTOCOLS).map(({ load }) => load()));
  const routes = [jimsProtocol, ...protocols].flatMap((protocol) => protocol.routes);
  const undescribed = [...serviceRoutes(options), ...routes]
    .filter(({ doc, path }) => !doc && !/^\/(?:openai\/v1|anthropic\/v1|api\/chat)\b/.test(path))
    .map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(undescribed, [
    'OPTIONS /healthz',
    'OPTIONS /readyz',
    'GET /redoc',
    'GET /',
    'GET /playground/:name',
    'GET /widget.js',
    'GET /a2a/rest/extendedAgentCard',
    'DELETE /v1/conversations/:conversation_id/items/:item_id',
  ]);
});

test('what needs no key says so when the others need one', async () => {
  const { paths } = await served(['s3cret']);
  assert.deepEqual(paths['/healthz']?.get?.security, []);
  assert.deepEqual(paths['/readyz']?.get?.security, []);
  assert.equal(paths['/openapi.json']?.get?.security, undefined);
  assert.ok(paths['/api/v1/chat']?.post?.responses['401']);
  const open = await served();
  assert.equal(open.paths['/api/v1/chat']?.post?.responses['401'], undefined);
});

test('the statuses, the stream and the headers are the true ones', async () => {
  const { paths } = await served(['s3cret']);
  const chat = paths['/api/v1/chat']?.post;
  assert.deepEqual(Object.keys(chat?.responses ?? {}), [
    '200',
    '400',
    '401',
    '403',
    '404',
    '409',
    '410',
    '413',
    '422',
    '429',
    '500',
    '503',
    '504',
  ]);
  const stream = paths['/api/v1/chat/stream']?.post;
  assert.deepEqual(Object.keys(stream?.responses['200']?.content ?? {}), ['text/event-stream']);
  for (const item of Object.values(paths)) {
    for (const { responses } of Object.values(item)) {
      for (const response of Object.values(responses)) {
        assert.ok(response.headers['x-request-id'], JSON.stringify(response));
      }
    }
  }
  assert.ok(chat?.responses['401']?.headers['www-authenticate']);
  assert.ok(chat?.responses['503']?.headers['retry-after']);
});

test('requests are described by the schemas that check them', async () => {
  const { components } = await served();
  const properties = v.parse(Json, components.schemas['ChatRequest']?.['properties']);
  assert.deepEqual(components.schemas['ChatRequest']?.['required'], ['contact_id', 'message']);
  assert.deepEqual(v.parse(Json, properties['thread_id'])['anyOf'], [
    { type: 'string', format: 'uuid' },
    { type: 'null' },
  ]);
  assert.equal(v.parse(Json, properties['event_type'])['maxLength'], 255);
  assert.equal(v.parse(Json, properties['event_type'])['default'], 'comm.user_message');
  assert.deepEqual(v.parse(Json, properties['thread_config'])['default'], { interface: 'api' });
  assert.equal(
    v.parse(Json, properties['run_conversation_start_on_new_thread'])['type'],
    'boolean',
  );
});

test('a protocol describes its routes with parameters, and parts with a title become components', async () => {
  const Part = v.pipe(v.object({ title: v.string() }), v.title('Part'));
  const document = v.parse(
    Document,
    await openApiDocument({
      version: '1',
      maxMessageBytes: 1,
      secured: false,
      routes: [
        {
          method: 'GET',
          path: '/things/:thing_id/parts',
          handle: () => assert.fail('it is only described'),
          doc: {
            operationId: 'parts',
            summary: 'Parts of a thing',
            tags: ['things'],
            parameters: [
              {
                name: 'thing_id',
                in: 'path',
                required: true,
                description: 'Which',
                schema: v.pipe(v.string(), v.metadata({ format: 'uuid' })),
              },
            ],
            responses: { 200: { description: 'They', schema: v.array(Part) } },
          },
        },
      ],
    }),
  );
  const parts = document.paths['/things/{thing_id}/parts']?.get;
  assert.deepEqual(parts?.parameters?.[0]?.schema, { type: 'string', format: 'uuid' });
  assert.deepEqual(parts?.responses['200']?.content?.['application/json']?.schema, {
    type: 'array',
    items: { $ref: '#/components/schemas/Part' },
  });
  assert.deepEqual(document.components.schemas, {
    Part: {
      type: 'object',
      properties: { title: { type: 'string' } },
      required: ['title'],
      title: 'Part',
    },
  });
});
