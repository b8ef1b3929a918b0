// What a client can do, as each of its requests says since 2026-07-28.
import type { JsonObject } from 'jims-core';

import { HttpError } from '../../http/errors.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { Call } from '../../http/route.ts';
import { asksByForm } from './session.ts';
import { META_VERSION, headerMismatch } from './versions.ts';

const META_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
/** The extension by which a call may become a task. */
export const TASKS = 'io.modelcontextprotocol/tasks';

export interface ClientAbilities {
  /** It asks its user by a form. */
  readonly asks: boolean;
  /** It takes a task in the place of a result. */
  readonly knowsTasks: boolean;
}

/** @throws HttpError 400 when the params lack what every request must have. */
export function abilitiesIn({ _meta: meta }: JsonObject): ClientAbilities {
  const capabilities = isJsonObject(meta) ? meta[META_CAPABILITIES] : undefined;
  if (!isJsonObject(meta) || meta[META_VERSION] === undefined || !isJsonObject(capabilities)) {
    const message = `params._meta must have ${META_VERSION} and ${META_CAPABILITIES}`;
    throw new HttpError(400, message, { code: 'mcp_meta_invalid' });
  }
  const { extensions } = capabilities;
  return {
    asks: asksByForm(capabilities),
    knowsTasks: isJsonObject(extensions) && isJsonObject(extensions[TASKS]),
  };
}

/** @throws HttpError 400 for a client that has not said that it knows tasks. */
export function requireTasks({ knowsTasks }: ClientAbilities): void {
  if (knowsTasks) return;
  throw new HttpError(400, `The client must have the extension ${TASKS} in its capabilities`, {
    code: 'mcp_capability_missing',
  });
}

/** The member of the params that the header `Mcp-Name` repeats, by method. */
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

/** @throws HttpError 400 when a header that repeats the body does not agree with it, or is missing. */
export function requireHeaders(
  { request: { headers } }: Call,
  { method, params }: { readonly method: string; readonly params: JsonObject },
): void {
  const methodHeader = headers.get('mcp-method');
  if (methodHeader !== method) throw headerMismatch('Mcp-Method', methodHeader, method);
  const member = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined;
  const name = member === undefined ? undefined : params[member];
  if (typeof name !== 'string') return;
  const header = headers.get('mcp-name');
  if (header === null || decoded(header) !== name) throw headerMismatch('Mcp-Name', header, name);
}

const ENCODED = /^=\?base64\?(?<text>[A-Za-z0-9+/]*={0,2})\?=$/;

/** What a header says that may be encoded, as headers take ASCII alone. */
function decoded(header: string): string {
  const { text } = ENCODED.exec(header)?.groups ?? {};
  return text === undefined ? header : Buffer.from(text, 'base64').toString();
}
