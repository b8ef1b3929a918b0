import { isJimsError } from 'jims-core';
import * as v from 'valibot';

import { pageFileAddress } from '../../chat/file-address.ts';
import { countedContact } from '../../chat/start-run.ts';
import { contactInQuery, contactOf, requireContactId } from '../../http/contact.ts';
import { nameInDisposition } from '../../http/content-disposition.ts';
import { encodingOf } from '../../http/content-encoding.ts';
import { toCursor } from '../../http/cursor.ts';
import { HttpError } from '../../http/errors.ts';
import { valueError } from '../../http/fastapi/validation.ts';
import { fileInForm } from '../../http/form-file.ts';
import type { ArrivingFile } from '../../http/form-file.ts';
import { json } from '../../http/json-answer.ts';
import { inHeader, inQuery } from '../../http/parameters.ts';
import { addressOf } from '../../http/public-address.ts';
import { cursorIn } from '../../http/query.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Parameter, Route } from '../../http/route.ts';
import { FILES_PATH, UPLOAD_MS, timedBody } from '../../http/timed-body.ts';
import { fileAnswer } from './file-answer.ts';
import { FileResource, fileResource } from './file-resource.ts';
import { PAGE, limitIn, pageDoc } from './pages.ts';
import { FILE_ID, reachableFile } from './reachable-file.ts';

/** What a form has around its file at most. */
const FORM_BYTES = 32 * 1024;
const FORM = /^\s*multipart\/form-data\s*(?:;|$)/i;

const CONTACT: Parameter = inQuery(
  'contact_id',
  'The contact that the file belongs to; contacts leave it out',
);

const tags = ['files'];

export const fileRoutes: readonly Route[] = [
  route.post(FILES_PATH, uploadFile, {
    operationId: 'upload_file',
    summary: 'Send a file',
    description:
      'As a form with one file, and `contact_id` before it; or as the bare body, with its type in `content-type` and its name in `content-disposition` or the query. The type must be what the bytes are. A message names the file by its id; what no message names is removed after a day.',
    tags,
    parameters: [CONTACT, inQuery('name', 'The name of the file, when the body is the file')],
    upload: { contact_id: 'The contact that the file belongs to; contacts leave it out' },
    responses: {
      201: {
        description: 'It is stored; the header `location` has its address',
        schema: FileResource,
      },
    },
    errors: [400, 401, 404, 408, 413, 415, 422, 429, 503],
  }),
  route.get(FILES_PATH, listFiles, {
    operationId: 'list_files',
    summary: 'The files of a contact, oldest first',
    tags,
    parameters: [{ ...CONTACT, description: 'The contact; contacts leave it out' }, ...PAGE],
    responses: { 200: pageDoc('FilePage', 'files', FileResource) },
    errors: [401, 404, 422, 503],
  }),
  route.get(
    '/api/v1/files/:file_id',
    getFile,
    {
      operationId: 'get_file',
      summary: 'The bytes of a file',
      description:
        'Always as an attachment. `Range` gets a part of it, `If-None-Match` with its `etag` gets 304, and HEAD gets the headers alone.',
      tags,
      parameters: [
        FILE_ID,
        { ...CONTACT, description: 'A service that names a contact gets only their files' },
        inHeader('range', 'One range of bytes'),
      ],
      responses: {
        200: { description: 'All of it', contentType: 'application/octet-stream' },
        206: { description: 'The range', contentType: 'application/octet-stream' },
        304: { description: 'The client has it already' },
      },
      errors: [401, 404, 410, 416, 422, 429, 503],
    },
    {
      admits: ({ fileSignatures }, { params, query }) =>
        fileSignatures.admits(String(params['file_id']).toLowerCase(), query),
    },
  ),
  route.get('/api/v1/files/:file_id/address', getFileAddress, {
    operationId: 'get_file_address',
    summary: 'An address of a file for a browser',
    description:
      'Pages can show it, or link to it: with `--file-address-key` it needs no key for a day. Without, it needs one as every address does, and `expires_at` is null.',
    tags,
    parameters: [FILE_ID],
    responses: {
      200: {
        description: 'The address',
        schema: v.object({ url: v.string(), expires_at: v.nullable(v.string()) }),
      },
    },
    errors: [401, 404, 422, 503],
  }),
  route.delete('/api/v1/files/:file_id', deleteFile, {
    operationId: 'delete_file',
    summary: 'Remove a file',
    description:
      'A contact can only remove what no message names. A service can remove any file: messages go on to name it, and reading it is 404.',
    tags,
    parameters: [FILE_ID],
    responses: { 204: { description: 'It is gone' } },
    errors: [401, 404, 409, 422, 503],
  }),
];

async function uploadFile(api: ApiContext, call: Call): Promise<Response> {
  const { maxFileBytes } = await api.app.files.limits();
  const file = await arrivingFile(api, call, maxFileBytes);
  let leave: (() => void) | undefined;
  try {
    const contactId = contactOfFile(call, file);
    leave = api.streams.enter(countedContact(call) ?? contactId);
    const { name, mediaType, size, content } = file;
    const record = await api.app.files.upload({
      contactId,
      name,
      content,
      ...(mediaType !== undefined && { mediaType }),
      ...(size !== undefined && { size }),
    });
    const headers = { ...call.headers, location: addressOf(api, `${FILES_PATH}/${record.fileId}`) };
    return json({ headers }, fileResource(record), 201);
  } catch (error) {
    // A body that breaks off has its own reason.
    throw isJimsError(error) && error.cause instanceof HttpError ? error.cause : error;
  } finally {
    leave?.();
    file.close();
  }
}

/** @throws HttpError 413 before anything is read, when it says that it is too large. */
async function arrivingFile(
  { uploadPieceMs }: ApiContext,
  { request, query }: Call,
  maxBytes: number,
): Promise<ArrivingFile> {
  const { headers } = request;
  const type = headers.get('content-type') ?? '';
  const isForm = FORM.test(type);
  const length = headers.get('content-length');
  const declared = length === null ? undefined : Number(length);
  if ((declared ?? 0) > maxBytes + (isForm ? FORM_BYTES : 0)) throw tooLarge(maxBytes);
  if (encodingOf(headers) !== '') {
    const reason = 'Files are taken without content-encoding: send the file as it is';
    throw new HttpError(415, reason, { code: 'content_encoding_not_supported' });
  }
  const pieces = timedBody(request.body, { pieceMs: uploadPieceMs, wholeMs: UPLOAD_MS });
  if (isForm) return fileInForm(type, pieces);
  const name = query.get('name') ?? nameInDisposition(headers.get('content-disposition')) ?? '';
  const mediaType = type === '' ? undefined : type;
  const close = (): void => void pieces.return();
  return { name, mediaType, size: declared, fields: new Map(), content: pieces, close };
}

function contactOfFile(call: Call, { fields }: ArrivingFile): string {
  const field = fields.get('contact_id');
  const named =
    field === undefined ? contactInQuery(call) : requireContactId(field, ['body', 'contact_id']);
  const contactId = contactOf(call, named);
  if (contactId !== undefined) return contactId;
  throw contactMissing(
    'name the contact that the file belongs to: as contact_id in the query, or in the form before the file',
  );
}

async function listFiles({ app }: ApiContext, call: Call): Promise<Response> {
  const contactId = contactOf(call, contactInQuery(call));
  if (contactId === undefined) throw contactMissing('name the contact whose files to list');
  const after = cursorIn(call);
  const limit = limitIn(call);
  const { files, more } = await app.files.list({ contactId, limit, ...(after && { after }) });
  const last = files.at(-1);
  const next = more && last ? toCursor({ createdAt: last.createdAt, id: last.fileId }) : null;
  return json(call, { files: files.map(fileResource), next_cursor: next });
}

async function getFile(api: ApiContext, call: Call): Promise<Response> {
  return fileAnswer(api, call, await reachableFile(api, call));
}

async function deleteFile(api: ApiContext, call: Call): Promise<Response> {
  const { fileId, threadId } = await reachableFile(api, call);
  if (threadId !== undefined && call.principal.kind === 'contact') {
    throw new HttpError(409, 'A message names this file: it goes with its thread', {
      code: 'file_in_use',
    });
  }
  await api.app.files.delete(fileId);
  return new Response(null, { status: 204, headers: call.headers });
}

function contactMissing(reason: string): HttpError {
  return valueError(['query', 'contact_id'], null, reason);
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `The file is larger than ${maxBytes} bytes`, {
    code: 'file_too_large',
  });
}

async function getFileAddress(api: ApiContext, call: Call): Promise<Response> {
  const { fileId } = await reachableFile(api, call);
  const until = api.fileSignatures.sign(fileId)?.until.toISOString() ?? null;
  return json(call, { url: pageFileAddress(api)(fileId), expires_at: until });
}
