import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { BusboyFileStream, BusboyInstance } from '@fastify/busboy';

import { HttpError } from './errors.ts';

/** A file that is being sent. */
export interface ArrivingFile {
  readonly name: string;
  /** As its sender says. */
  readonly mediaType: string | undefined;
  /** How many bytes it has, where that is said. */
  readonly size: number | undefined;
  /** What else a form says before its file. */
  readonly fields: ReadonlyMap<string, string>;
  readonly content: AsyncIterable<Uint8Array>;
  /** Lets go of what has not been read. */
  close(): void;
}

const LIMITS = {
  files: 1,
  fields: 8,
  parts: 9,
  fieldSize: 2048,
  fieldNameSize: 100,
  headerPairs: 16,
};

/**
 * Reads a form (`multipart/form-data`) up to its file, which is then read piece by piece.
 *
 * @throws HttpError 400 `form_invalid`, 422 `form_without_file`; while the file is read, also 422
 * `form_too_long` when something other than a few fields comes with it.
 */
export async function fileInForm(
  contentType: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<ArrivingFile> {
  const form = await formReader(contentType);
  const source = Readable.from(pieces, { objectMode: false, highWaterMark: 64 * 1024 });
  const arrived = Promise.withResolvers<ArrivingFile>();
  const fields = new Map<string, string>();
  let file: BusboyFileStream | undefined;
  form.on('field', (name, value) => void fields.set(name, value));
  const close = (): void => void source.destroy();
  form.on('file', (...[, stream, name, , type]) => {
    file = stream;
    // It fails with the form, and that is where the reason is.
    stream.on('error', () => {});
    arrived.resolve({
      // As browsers and curl write a quotation mark in the name of a form's file.
      name: name?.replaceAll('%22', '"') ?? '',
      mediaType: type === '' ? undefined : type,
      size: undefined,
      fields,
      content: contentOf(stream, whole),
      close,
    });
  });
  for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    form.on(event, () => void source.destroy(tooLong()));
  }
  const whole = pipeline(source, form).then(
    () => arrived.reject(withoutFile()),
    (error: unknown) => {
      const reason = error instanceof HttpError ? error : invalidForm(error);
      arrived.reject(reason);
      file?.destroy(reason);
      throw reason;
    },
  );
  whole.catch(() => {});
  return arrived.promise;
}

async function formReader(contentType: string): Promise<BusboyInstance> {
  const { Busboy } = await import('@fastify/busboy');
  try {
    return new Busboy({ headers: { 'content-type': contentType }, limits: LIMITS });
  } catch (cause) {
    throw invalidForm(cause);
  }
}

async function* contentOf(
  stream: BusboyFileStream,
  whole: Promise<void>,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of stream) if (piece instanceof Uint8Array) yield piece;
  // Only a form that is whole has a file that is whole.
  await whole;
}

function invalidForm(cause: unknown): HttpError {
  const reason = 'The form broke off, or is not multipart/form-data';
  return new HttpError(400, reason, { code: 'form_invalid', cause });
}

function withoutFile(): HttpError {
  const reason = 'The form has no file: send one as multipart/form-data, with a file name';
  return new HttpError(422, reason, { code: 'form_without_file' });
}

function tooLong(): HttpError {
  return new HttpError(422, 'Send one file, and only a few fields before it', {
    code: 'form_too_long',
  });
}
