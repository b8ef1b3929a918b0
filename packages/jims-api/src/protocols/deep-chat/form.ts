// What Deep Chat sends when its user adds files: a form.
import { createHash } from 'node:crypto';

import { MAX_MESSAGE_FILES, isJimsError } from 'jims-core';

import type { SentFile } from '../../chat/sent-files.ts';
import { MAX_MESSAGES } from '../../chat/sent-limits.ts';
import { countedContact } from '../../chat/start-run.ts';
import { contactInQuery, contactOf } from '../../http/contact.ts';
import { encodingOf } from '../../http/content-encoding.ts';
import { HttpError } from '../../http/errors.ts';
import { parseJson } from '../../http/fastapi/parse-json.ts';
import { readForm } from '../../http/form.ts';
import type { Form, FormFile } from '../../http/form.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { timedBody } from '../../http/timed-body.ts';

/** Members of `additionalBodyProps` beside the messages. */
const MAX_MORE_FIELDS = 100;
const MESSAGE = /^message(\d{1,6})$/;
const WHOLE_MS = 15 * 60_000;

/** A form in the shape of the JSON that Deep Chat sends without files. */
export interface SentForm {
  readonly body: object;
  readonly files: readonly SentFile[];
  /** All of it, for the fingerprint of a request that is sent again. */
  readonly whole: object;
}

interface ReadFile {
  readonly file: SentFile;
  readonly name: string;
  readonly digest: string;
}

/**
 * Reads a form. Its files come before the field with the contact: they are stored while they arrive when the
 * contact is known by other means, else they are held in memory, and the form may be as large as JSON.
 *
 * @throws HttpError 413, 400; 415 for a form that is compressed; 422 for a message that is not JSON; as `AppFiles.upload`.
 */
export async function readSentForm(api: ApiContext, call: Call): Promise<SentForm> {
  requirePlain(call.request.headers);
  const contactId = contactOf(call, contactInQuery(call));
  if (contactId === undefined) return heldForm(api, call);
  const stored: string[] = [];
  const leave = api.streams.enter(countedContact(call) ?? contactId);
  const store = async ({ name = '', mediaType, content }: FormFile): Promise<ReadFile> => {
    const record = await api.app.files.upload({ contactId, name, mediaType, content });
    stored.push(record.fileId);
    const file = { fileId: record.fileId, isNew: true };
    return { file, name: record.name, digest: record.digest };
  };
  try {
    const { maxFileBytes } = await api.app.files.limits();
    const maxBytes = api.maxBodyBytes + MAX_MESSAGE_FILES * maxFileBytes;
    return formOf(await formIn(api, call, maxBytes, store));
  } catch (error) {
    // What cannot be removed now is named by nothing, so it is removed later.
    await Promise.allSettled(stored.map((fileId) => api.app.files.delete(fileId)));
    // A body that breaks off has its own reason.
    throw isJimsError(error) && error.cause instanceof HttpError ? error.cause : error;
  } finally {
    leave();
  }
}

function requirePlain(headers: Headers): void {
  if (encodingOf(headers) === '') return;
  throw new HttpError(415, 'Forms are taken without content-encoding: send the form as it is', {
    code: 'content_encoding_not_supported',
  });
}

function formIn(
  { maxBodyBytes, uploadPieceMs }: ApiContext,
  { request }: Call,
  maxBytes: number,
  readFile: (file: FormFile) => Promise<ReadFile>,
): Promise<Form<ReadFile>> {
  return readForm({
    body: timedBody(request.body, { pieceMs: uploadPieceMs, wholeMs: WHOLE_MS }),
    contentType: request.headers.get('content-type') ?? '',
    maxBytes,
    maxFieldBytes: maxBodyBytes,
    maxFields: MAX_MESSAGES + MAX_MORE_FIELDS,
    maxFiles: MAX_MESSAGE_FILES,
    readFile,
  });
}

async function heldForm(api: ApiContext, call: Call): Promise<SentForm> {
  const { maxBodyBytes } = api;
  try {
    return formOf(await formIn(api, call, maxBodyBytes, held));
  } catch (error) {
    if (!(error instanceof HttpError && error.code === 'body_too_large')) throw error;
    const reason = `The form is larger than ${maxBodyBytes} bytes: larger files need the contact in the header x-jims-contact-id, or as ?contact_id= in the address`;
    throw new HttpError(413, reason, error);
  }
}

/** Reads a file into memory. */
async function held({ name, mediaType, content: pieces }: FormFile): Promise<ReadFile> {
  const content = Buffer.concat(await Array.fromAsync(pieces));
  const digest = createHash('sha256').update(content).digest('hex');
  return { file: { name, mediaType, content }, name: name ?? '', digest };
}

function formOf(form: Form<ReadFile>): SentForm {
  const body = bodyOf(form);
  const digests = form.files.map(({ name, digest }) => [name, digest]);
  return { body, files: form.files.map(({ file }) => file), whole: { body, digests } };
}

function bodyOf({ fields, files }: Form<unknown>): object {
  const messages = [...fields]
    .flatMap(([name, value]) => {
      const [, number] = MESSAGE.exec(name) ?? [];
      return number === undefined ? [] : [{ number: Number(number), value }];
    })
    .toSorted((a, b) => a.number - b.number)
    .map(({ value }): unknown => parseJson(value));
  const last = messages.at(-1);
  // A message without text is left out of the form.
  const isMissing = last === undefined || (isJsonObject(last) && last['role'] === 'ai');
  const isNew = isMissing && files.length > 0;
  return {
    ...Object.fromEntries([...fields].filter(([name]) => !MESSAGE.test(name) && name !== CONFIG)),
    messages: isNew ? [...messages, { role: 'user', text: '' }] : messages,
  };
}

/** Deep Chat writes an object in a form as `[object Object]`. */
const CONFIG = 'thread_config';
