import * as v from 'valibot';

import { isJsonObject } from '../http/json-object.ts';
import { MESSAGE_LENGTH } from '../http/route.ts';
import type { ErrorStatus, FrameDoc, ResponseDoc, Route, RouteDoc } from '../http/route.ts';
import { described, titled } from '../http/schema.ts';

export interface OpenApiOptions {
  /** The address by which clients reach the service, when it is known. */
  readonly publicUrl?: string | undefined;
  readonly version: string;
  /** Whether callers need a key. */
  readonly secured: boolean;
  /** For the schemas that have {@link MESSAGE_LENGTH}. */
  readonly maxMessageBytes: number;
  /** Those without a `doc` are left out. */
  readonly routes: readonly Route[];
}

type Json = Readonly<Record<string, unknown>>;
type ToSchema = (schema: v.GenericSchema) => Json;

const ERRORS: Readonly<Record<ErrorStatus, string>> = {
  400: 'The body is incomplete, or is not UTF-8',
  401: 'The key is missing or unknown',
  403: 'A contact asks for another contact',
  404: 'Not found, or it belongs to another contact',
  408: 'The body took too long to arrive',
  409: 'The thread is busy, the run was stopped, the question is closed, or a message names the file',
  410: 'The time to answer the question is over, or the bytes of the file are not there any more',
  413: 'The body, the message, the config or the file is too large, or the contact has too many files',
  415: 'The type of the file is not allowed, or is not what its bytes are',
  416: 'The file does not have this range',
  422: 'The request is not valid: what is wrong, and where',
  429: 'Too many requests of this caller, or in this thread',
  500: 'The pipeline failed; the log has the reason, under the request id',
  503: 'Try again later: the service is overloaded, is shutting down, or cannot reach its database',
  504: 'The pipeline took too long',
};
const EVENT_STREAM = 'text/event-stream';
const RETRY_LATER: ReadonlySet<number> = new Set([409, 429, 503]);

const HEADERS = {
  'x-request-id': {
    description: 'The id of this request in the log: the one that you sent, else a new one',
    schema: { type: 'string' },
  },
  'retry-after': {
    description: 'Seconds to wait before the next try',
    schema: { type: 'integer' },
  },
  'www-authenticate': { description: 'The scheme of authentication', schema: { const: 'Bearer' } },
};

/** Every error but 422. */
const ErrorAnswer = titled('ErrorAnswer', {
  detail: described(v.string(), 'What went wrong, for people'),
  code: described(
    v.optional(v.string()),
    'What went wrong, for programs; missing on errors that the Python original has, too',
  ),
});

const ValidationError = titled('ValidationError', {
  type: v.string(),
  loc: described(
    v.array(v.union([v.string(), v.pipe(v.number(), v.integer())])),
    'Where: `body`, `query`, `path` or `header`, then names and indexes',
  ),
  msg: v.string(),
  input: described(v.optional(v.unknown()), 'The value, shortened when it is long'),
  ctx: v.optional(v.record(v.string(), v.unknown())),
});

/** 422 of a request that cannot be understood, as FastAPI's clients know it. */
const HTTPValidationError = titled('HTTPValidationError', { detail: v.array(ValidationError) });

/** 422: also of one that is understood and makes no sense, such as a key that was used for another. */
const RefusedAnswer = v.union([HTTPValidationError, ErrorAnswer]);

/** Makes the OpenAPI 3.1 document of these routes. Its first call loads what it needs for that. */
export async function openApiDocument(options: OpenApiOptions): Promise<Json> {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  const schemas: Record<string, unknown> = {};
  const toSchema: ToSchema = (schema) => {
    const config = { target: 'draft-2020-12', typeMode: 'input' } as const;
    const { $schema: _, ...json } = toJsonSchema(schema, config);
    return named(withLimit(json, options.maxMessageBytes), schemas);
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, doc, open = false } of options.routes) {
    if (!doc) continue;
    const item = (paths[path.replaceAll(/\/:(\w+)/g, '/{$1}')] ??= {});
    item[method.toLowerCase()] = operation(doc, { open, secured: options.secured }, toSchema);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'JIMS API',
      version: options.version,
      description: 'A JIMS application: send a message, get the answer, each in its thread.',
    },
    ...(options.publicUrl !== undefined && { servers: [{ url: options.publicUrl }] }),
    ...(options.secured && { security: [{ bearer: [] }] }),
    paths,
    components: {
      schemas,
      headers: HEADERS,
      ...(options.secured && {
        securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      }),
    },
  };
}

function operation(
  doc: RouteDoc,
  { open, secured }: { readonly open: boolean; readonly secured: boolean },
  toSchema: ToSchema,
): Json {
  const { operationId, summary, description, tags, request, upload } = doc;
  const responses = Object.entries(doc.responses).map(([status, response]) => [
    status,
    success(response, toSchema),
  ]);
  const errors = (doc.errors ?? [])
    .filter((status) => status !== 401 || secured)
    .map((status) => [status, failure(status, toSchema)]);
  return {
    operationId,
    summary,
    ...(description !== undefined && { description }),
    tags,
    ...(open && secured && { security: [] }),
    ...(doc.parameters && {
      parameters: doc.parameters.map(({ schema, ...parameter }) => ({
        ...parameter,
        schema: toSchema(schema),
      })),
    }),
    ...(request && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: toSchema(request) } },
      },
    }),
    ...(upload && { requestBody: { required: true, content: uploadContent(upload) } }),
    responses: Object.fromEntries([...responses, ...errors]),
  };
}

/** A file in a form, or as the whole body. */
function uploadContent(fields: Readonly<Record<string, string>>): Json {
  const file = { type: 'string', format: 'binary' };
  const before = Object.entries(fields).map(([name, description]) => [
    name,
    { type: 'string', description },
  ]);
  const properties = { ...Object.fromEntries(before), file };
  return {
    'multipart/form-data': { schema: { type: 'object', required: ['file'], properties } },
    'application/octet-stream': { schema: file },
  };
}

function success(response: ResponseDoc, toSchema: ToSchema): Json {
  const { description, contentType = 'application/json', schema, example } = response;
  const isEmpty = !schema && example === undefined && response.contentType === undefined;
  const media = {
    ...(schema && { schema: toSchema(schema) }),
    ...(example !== undefined && { example }),
  };
  const content: Record<string, Json> = { ...(!isEmpty && { [contentType]: media }) };
  if (response.frames) {
    const frames = response.frames.map((one) => frame(one, toSchema));
    content[EVENT_STREAM] = { ...content[EVENT_STREAM], 'x-frames': frames };
  }
  return {
    description,
    headers: headerRefs('x-request-id'),
    ...(Object.keys(content).length > 0 && { content }),
  };
}

function frame({ schema, ...doc }: FrameDoc, toSchema: ToSchema): Json {
  return { ...doc, schema: toSchema(schema) };
}

function failure(status: ErrorStatus, toSchema: ToSchema): Json {
  const schema = toSchema(status === 422 ? RefusedAnswer : ErrorAnswer);
  return {
    description: ERRORS[status],
    headers: headerRefs(
      'x-request-id',
      ...(RETRY_LATER.has(status) ? (['retry-after'] as const) : []),
      ...(status === 401 ? (['www-authenticate'] as const) : []),
    ),
    content: { 'application/json': { schema } },
  };
}

function headerRefs(...names: readonly (keyof typeof HEADERS)[]): Json {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function withLimit(schema: Json, maxLength: number): Json {
  const text = JSON.stringify(schema);
  const limited: unknown = JSON.parse(text, (name, value: unknown) =>
    name === 'maxLength' && value === MESSAGE_LENGTH ? maxLength : value,
  );
  return isJsonObject(limited) ? limited : schema;
}

/** Moves every titled part of a schema to the components, and puts a reference in its place. */
function named(schema: Json, components: Record<string, unknown>): Json {
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, inside(key, value, components)]),
  );
  const { title, ...rest } = copy;
  if (typeof title !== 'string') return copy;
  components[title] = { title, ...rest };
  return { $ref: `#/components/schemas/${title}` };
}

/** Keys whose values are data, and not schemas. */
const DATA: ReadonlySet<string> = new Set(['default', 'const', 'enum', 'examples']);

function inside(key: string, value: unknown, components: Record<string, unknown>): unknown {
  if (DATA.has(key)) return value;
  if (Array.isArray(value)) return value.map((item) => inside('', item, components));
  return isJsonObject(value) ? named(value, components) : value;
}
