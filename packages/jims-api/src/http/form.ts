// Forms with files, multipart/form-data.
import { once } from 'node:events';
import type { Readable } from 'node:stream';

import { Busboy } from '@fastify/busboy';
import type { BusboyInstance } from '@fastify/busboy';

import { HttpError } from './errors.ts';
import { UNREADABLE_BODY, tooLarge } from './json-body.ts';

export interface FormLimits {
  /** Of the whole body. */
  readonly maxBytes: number;
  readonly maxFields: number;
  readonly maxFiles: number;
}

/** A form, all of it in memory. */
export interface Form {
  /** The newest value of each field. */
  readonly fields: ReadonlyMap<string, string>;
  readonly files: readonly FormFile[];
}

export interface FormFile {
  readonly name: string | undefined;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** Whether a content type is that of a form with files. */
export function isFormType(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*;/i.test(contentType);
}

/**
 * Reads the body of a request as a form.
 *
 * @throws HttpError 413 when it is larger than its limits, 400 when it breaks off or is not a form.
 */
export async function readForm(request: Request, limits: FormLimits): Promise<Form> {
  const { maxBytes, maxFields, maxFiles } = limits;
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const fields = new Map<string, string>();
  const files: Promise<FormFile>[] = [];
  const parser = parserOf(request, limits);
  // What goes wrong later than it is waited for changes nothing.
  parser.on('error', () => {});
  let isOver = false;
  for (const event of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    parser.on(event, () => (isOver = true));
  }
  parser.on('field', (name, value, _, isCut) => {
    isOver ||= isCut;
    fields.set(name, value);
  });
  parser.on('file', (...[, stream, name, , mediaType]) => {
    const file = readFile(stream, { name: name || undefined, mediaType });
    // It is awaited at the end.
    file.catch(() => {});
    files.push(file);
  });
  await feed(parser, request, maxBytes);
  if (isOver) {
    throw new HttpError(
      413,
      `The form has too many parts: at most ${maxFiles} files and ${maxFields} fields`,
      { code: 'form_too_large' },
    );
  }
  return { fields, files: await Promise.all(files) };
}

function parserOf(
  { headers }: Request,
  { maxBytes, maxFields, maxFiles }: FormLimits,
): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': headers.get('content-type') ?? '' },
      limits: { fieldSize: maxBytes, fields: maxFields, files: maxFiles, headerPairs: 100 },
    });
  } catch (cause) {
    throw new HttpError(400, UNREADABLE_BODY, { cause });
  }
}

async function feed(parser: BusboyInstance, { body }: Request, maxBytes: number): Promise<void> {
  const ended = once(parser, 'finish');
  // A failure is thrown where it is awaited.
  ended.catch(() => {});
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), ended]);
    }
    parser.end();
    await ended;
  } catch (cause) {
    parser.destroy();
    if (cause instanceof HttpError) throw cause;
    throw new HttpError(400, UNREADABLE_BODY, { cause });
  }
}

async function readFile(stream: Readable, about: Omit<FormFile, 'bytes'>): Promise<FormFile> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return { ...about, bytes: Buffer.concat(chunks) };
}
