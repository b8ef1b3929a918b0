// Forms with files, multipart/form-data.
import { once } from 'node:events';
import type { Readable } from 'node:stream';

import { Busboy } from '@fastify/busboy';
import type { BusboyInstance } from '@fastify/busboy';

import { HttpError } from './errors.ts';
import { UNREADABLE_BODY, tooLarge } from './json-body.ts';

export interface FormOptions<T> {
  /** The body of the request. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly contentType: string;
  /** Of the whole body. */
  readonly maxBytes: number;
  /** Of all fields together; they are in memory. */
  readonly maxFieldBytes: number;
  readonly maxFields: number;
  readonly maxFiles: number;
  /** Reads a file while it arrives; the form is read on when it does. */
  readonly readFile: (file: FormFile) => Promise<T>;
}

export interface FormFile {
  readonly name: string | undefined;
  readonly mediaType: string;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface Form<T> {
  /** The newest value of each field. */
  readonly fields: ReadonlyMap<string, string>;
  readonly files: readonly T[];
}

/** Whether a content type is that of a form with files. */
export function isFormType(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*;/i.test(contentType);
}

/**
 * Reads a form. When it rejects, no file is being read any more.
 *
 * @throws HttpError 413 when it is larger than its limits, 400 when it breaks off or is not a form; what
 * reading a file rejects with.
 */
export function readForm<T>(options: FormOptions<T>): Promise<Form<T>> {
  return new FormReader(options).read();
}

class FormReader<T> {
  readonly #options: FormOptions<T>;
  readonly #parser: BusboyInstance;
  readonly #fields = new Map<string, string>();
  readonly #files: Promise<T>[] = [];
  readonly #streams: Readable[] = [];
  /** Rejects with the first thing that goes wrong while the body is read. */
  readonly #failed = Promise.withResolvers<never>();
  #failure: { readonly error: unknown } | undefined;
  #fieldBytes = 0;

  constructor(options: FormOptions<T>) {
    this.#options = options;
    this.#parser = parserOf(options);
    // It is thrown where it is waited for.
    this.#failed.promise.catch(() => {});
    this.#parser.on('error', (cause) => this.#fail(unreadable(cause)));
    for (const event of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
      this.#parser.on(event, () => this.#fail(this.#tooLong()));
    }
    this.#parser.on('field', (name, value) => this.#readField(name, value));
    this.#parser.on('file', (...[, stream, name, , mediaType]) =>
      this.#readFile(stream, name, mediaType),
    );
  }

  async read(): Promise<Form<T>> {
    try {
      await this.#feed();
      return { fields: this.#fields, files: await Promise.all(this.#files) };
    } catch (error) {
      const reason = Error.isError(error) ? error : unreadable(error);
      for (const stream of this.#streams) stream.destroy(reason);
      this.#parser.destroy();
      await Promise.allSettled(this.#files);
      throw error;
    }
  }

  async #feed(): Promise<void> {
    const { body, maxBytes } = this.#options;
    const ended = once(this.#parser, 'finish');
    ended.catch(() => {});
    let size = 0;
    try {
      for await (const chunk of body) {
        size += chunk.byteLength;
        if (size > maxBytes) throw tooLarge(maxBytes);
        const isTaken = this.#parser.write(chunk);
        if (!isTaken) await Promise.race([once(this.#parser, 'drain'), this.#failed.promise]);
        if (this.#failure) throw this.#failure.error;
      }
    } catch (error) {
      throw error === this.#failure?.error || error instanceof HttpError
        ? error
        : unreadable(error);
    }
    this.#parser.end();
    await Promise.race([ended, this.#failed.promise]);
  }

  #readField(name: string, value: string): void {
    this.#fieldBytes += Buffer.byteLength(value);
    if (this.#fieldBytes > this.#options.maxFieldBytes) this.#fail(this.#tooLong());
    else this.#fields.set(name, value);
  }

  #readFile(stream: Readable, name: string | undefined, mediaType: string): void {
    // It fails with the form, and that is where the reason is.
    stream.on('error', () => {});
    this.#streams.push(stream);
    const file = this.#options.readFile({ name: name || undefined, mediaType, content: stream });
    file.catch((error: unknown) => this.#fail(error));
    this.#files.push(file);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#failed.reject(error);
  }

  #tooLong(): HttpError {
    const { maxFiles, maxFields, maxFieldBytes } = this.#options;
    const reason = `A form may have ${maxFiles} files, and ${maxFields} fields of ${maxFieldBytes} bytes together`;
    return new HttpError(413, reason, { code: 'form_too_large' });
  }
}

function parserOf(options: Omit<FormOptions<unknown>, 'readFile'>): BusboyInstance {
  const { contentType, maxFieldBytes, maxFields, maxFiles } = options;
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: {
        fieldSize: maxFieldBytes + 1,
        fields: maxFields,
        files: maxFiles,
        headerPairs: 100,
      },
    });
  } catch (cause) {
    throw unreadable(cause);
  }
}

function unreadable(cause: unknown): HttpError {
  return new HttpError(400, UNREADABLE_BODY, { cause });
}
