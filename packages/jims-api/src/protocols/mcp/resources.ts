// Files as resources: what the links of a result lead to, for clients that have a key for MCP alone.
import { isUtf8 } from 'node:buffer';

import type { FileRecord, JsonObject } from 'jims-core';

import { storedAt } from '../../chat/sent-files.ts';
import { contactInQuery, contactOf, mayReach } from '../../http/contact.ts';
import { fromCursor, toCursor } from '../../http/cursor.ts';
import { HttpError } from '../../http/errors.ts';
import { largeJson } from '../../http/json-answer.ts';
import { originOrPublicUrl } from '../../http/public-address.ts';
import { answerInTurn } from '../../http/reading-turns.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import { RESOURCE_NOT_FOUND } from './failures.ts';

/** A page of the list. */
const PAGE = 100;
/** A larger file is read at its address: here the whole of it is in memory. */
const MAX_READ = 4 * 1024 * 1024;
const TEXT = /^(?:text\/|application\/(?:json|xml|yaml)$)/;

/** The files of the contact that the request is for, oldest first; none where no contact is named. */
export async function listResources(
  api: ApiContext,
  call: Call,
  { cursor }: JsonObject,
): Promise<object> {
  const contactId = contactOf(call, contactInQuery(call));
  const after = typeof cursor === 'string' ? fromCursor(cursor) : undefined;
  if (cursor !== undefined && !after) throw rpcFailure('invalid_params', 'There is no such cursor');
  if (contactId === undefined) return { resources: [] };
  const query = { contactId, limit: PAGE, ...(after && { after }) };
  const { files, more } = await api.app.files.list(query);
  const last = more ? files.at(-1) : undefined;
  const resources = files.map(({ fileId, name, mediaType: mimeType, size }) => ({
    uri: addressOf(api, call, fileId),
    name,
    mimeType,
    size,
  }));
  const nextCursor = last && toCursor({ createdAt: last.createdAt, id: last.fileId });
  return { resources, ...(nextCursor !== undefined && { nextCursor }) };
}

export function listResourceTemplates(api: ApiContext, call: Call): object {
  const uriTemplate = addressOf(api, call, '{file_id}');
  return { resourceTemplates: [{ uriTemplate, name: 'file', description: 'A file by its id' }] };
}

/**
 * Answers with a file, in the caller's turn: a client that takes none of it keeps it in memory.
 *
 * @throws HttpError `mcp_resource_not_found` also for a file that is not the caller's.
 */
export function answerResource(
  api: ApiContext,
  call: Call,
  params: JsonObject,
  encode: (resource: object) => object,
): Promise<Response> {
  return answerInTurn(api, call, async (end) =>
    largeJson(call, encode(await readResource(api, call, params)), end),
  );
}

async function readResource(api: ApiContext, call: Call, { uri }: JsonObject): Promise<object> {
  if (typeof uri !== 'string') throw rpcFailure('invalid_params', 'uri must be a string');
  const stored = storedAt(uri);
  const [record] = stored ? await api.app.files.find([stored.fileId]) : [];
  if (!record || !mayReach(api, call, record, contactInQuery(call))) {
    const message = `There is no resource '${uri.slice(0, 200)}'`;
    throw new HttpError(404, message, { code: RESOURCE_NOT_FOUND });
  }
  const { size } = record;
  if (size > MAX_READ) {
    const message = `The file has ${size} bytes, and ${MAX_READ} can be read here: get it at its address`;
    throw rpcFailure('invalid_params', message);
  }
  return { contents: [contentsOf(uri, record, await bytesOf(api, record))] };
}

/** The whole of a file. @throws JimsError `file_gone`, `store_unavailable`. */
export async function bytesOf({ app }: Pick<ApiContext, 'app'>, file: FileRecord): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(app.files.read(file)));
}

/** A file as the contents of a resource: as text where it is text. */
export function contentsOf(
  uri: string,
  { mediaType: mimeType }: Pick<FileRecord, 'mediaType'>,
  bytes: Buffer,
): object {
  return isText(mimeType) && isUtf8(bytes)
    ? { uri, mimeType, text: bytes.toString() }
    : { uri, mimeType, blob: bytes.toString('base64') };
}

export function isText(mediaType: string): boolean {
  return TEXT.test(mediaType);
}

function addressOf(api: ApiContext, { request }: Call, fileId: string): string {
  return `${originOrPublicUrl(api, request)}/api/v1/files/${fileId}`;
}
