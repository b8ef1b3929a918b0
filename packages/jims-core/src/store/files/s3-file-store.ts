import type * as S3Package from '@bradenmacdonald/s3-lite-client';
import type { S3Client } from '@bradenmacdonald/s3-lite-client';

import { JimsError, describeError, filesUnavailable } from '../../errors/jims-error.ts';
import { optionalPackage } from '../../errors/optional-package.ts';
import type { FileRange, FileStore } from '../file-store.ts';
import { fileGone } from '../refusals.ts';

type Package = typeof S3Package;
type Environment = Readonly<Record<string, string | undefined>>;

/** A larger file is sent in parts; no service takes smaller ones. */
const PART_BYTES = 5 * 1024 * 1024;
/** How long a request waits for its answer; one of a check, which a start waits for, or that cleans up, not as long. */
const ANSWER_MS = 60_000;
const CHECK_MS = 10_000;
/** Requests of one removal that are under way. */
const AT_ONCE = 8;

/**
 * Opens a bucket. See `openFileStore`.
 *
 * @throws JimsError `store_invalid`
 */
export async function openS3FileStore(place: URL, env: Environment): Promise<FileStore> {
  const name = '@bradenmacdonald/s3-lite-client';
  const s3 = await optionalPackage<Package>(name, 'Keeping files in S3', { code: 'store_invalid' });
  const bucket = place.host;
  if (bucket === '') throw invalid('it names no bucket: write s3://BUCKET');
  if (place.username !== '' || place.password !== '') {
    throw invalid('leave the keys out of it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  const address = addressOf(place, env);
  const keys = keysOf(env);
  try {
    const client = new s3.S3Client({ bucket, ...address, ...keys });
    return new S3FileStore(s3, client, { bucket, folder: folderOf(place) });
  } catch (cause) {
    throw invalid(describeError(cause).message, cause);
  }
}

function addressOf(
  { searchParams: given }: URL,
  env: Environment,
): { readonly region: string; readonly endPoint: string } {
  const region =
    given.get('region') ?? variable(env, 'AWS_REGION') ?? variable(env, 'AWS_DEFAULT_REGION');
  if (region === undefined) throw invalid('add ?region=REGION to it, or set AWS_REGION');
  const inEnvironment = variable(env, 'AWS_ENDPOINT_URL_S3') ?? variable(env, 'AWS_ENDPOINT_URL');
  const endPoint = given.get('endpoint') ?? inEnvironment ?? `https://s3.${region}.amazonaws.com`;
  if (!/^https?:\/\//i.test(endPoint)) throw invalid('its endpoint must begin with https://');
  return { region, endPoint };
}

function keysOf(env: Environment): {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
} {
  const accessKey = sendableVariable(env, 'AWS_ACCESS_KEY_ID');
  const secretKey = sendableVariable(env, 'AWS_SECRET_ACCESS_KEY');
  const sessionToken = sendableVariable(env, 'AWS_SESSION_TOKEN');
  if (accessKey && secretKey)
    return { accessKey, secretKey, ...(sessionToken && { sessionToken }) };
  throw invalid('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the keys of the bucket');
}

/** The value of a variable, without white space around it; `undefined` when it is empty or not set. */
function variable(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

/** Node's own error for a key that no header can hold would quote it. */
function sendableVariable(env: Environment, name: string): string | undefined {
  const value = variable(env, name);
  if (value === undefined || /^[!-~]+$/.test(value)) return value;
  throw invalid(`${name} contains a line break, or another character that no key has`);
}

interface S3Place {
  readonly bucket: string;
  /** Before the ids of files; with a slash at its end, or empty. */
  readonly folder: string;
}

/** Files in a bucket of an S3-compatible service: each is an object, named by its id. */
class S3FileStore implements FileStore {
  readonly description: string;
  readonly #s3: Package;
  readonly #client: S3Client;
  readonly #folder: string;

  constructor(s3: Package, client: S3Client, { bucket, folder }: S3Place) {
    this.#s3 = s3;
    this.#client = client;
    this.#folder = folder;
    this.description = `s3://${bucket}/${folder}`;
  }

  async write(fileId: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const objectName = this.#folder + fileId;
    const parts = partsOf(pieces);
    const first = await parts.next();
    const begin = first.done === true ? new Uint8Array() : first.value;
    if (begin.byteLength < PART_BYTES) {
      await this.#reach('write', () => this.#client.putObject(objectName, begin));
      return;
    }
    const uploadId = await this.#reach('write', () => this.#beginParts(objectName));
    try {
      const etags = [await this.#part({ objectName, uploadId, number: 1 }, begin)];
      for await (const part of parts) {
        const number = etags.length + 1;
        etags.push(await this.#part({ objectName, uploadId, number }, part));
      }
      await this.#reach('write', () => this.#endParts({ objectName, uploadId }, etags));
    } catch (error) {
      // What is left of it costs money until it is given up.
      const query = { uploadId };
      const request = { method: 'DELETE', objectName, query, statusCode: 204 };
      await inTime(this.#client.makeRequest(request), CHECK_MS).catch(() => {});
      throw error;
    }
  }

  async *read(fileId: string, { start, end }: FileRange): AsyncGenerator<Uint8Array, void, void> {
    if (start >= end) return;
    const range = { offset: start, length: end - start };
    const { body } = await this.#reach('read', () =>
      this.#client.getPartialObject(this.#folder + fileId, range).catch((error: unknown) => {
        throw this.#isMissing(error) ? fileGone(fileId) : error;
      }),
    );
    if (!body) return;
    try {
      yield* body;
    } catch (error) {
      throw this.#unavailable('read', error);
    }
  }

  async remove(fileIds: readonly string[]): Promise<void> {
    const left = [...fileIds];
    const removeNext = async (): Promise<void> => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        const objectName = this.#folder + id;
        await this.#reach('remove', () =>
          this.#client.deleteObject(objectName).catch((error: unknown) => {
            if (!this.#isMissing(error)) throw error;
          }),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, removeNext));
  }

  /** Writes and removes an object: that the bucket is there says nothing about what its keys may do. */
  async check(): Promise<void> {
    const objectName = `${this.#folder}jims-check`;
    const nothing = new Uint8Array();
    await this.#reach('write', () => this.#client.putObject(objectName, nothing), CHECK_MS);
    await this.#reach('remove', () => this.#client.deleteObject(objectName), CHECK_MS);
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #beginParts(objectName: string): Promise<string> {
    const request = { method: 'POST', objectName, query: 'uploads=', returnBody: true };
    const response = await this.#client.makeRequest(request);
    const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(await response.text())?.[1];
    if (uploadId === undefined) throw new TypeError('the answer names no upload');
    return uploadId;
  }

  async #part(
    { objectName, uploadId, number }: Part,
    payload: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const query = { partNumber: String(number), uploadId };
    const request = { method: 'PUT', objectName, query, payload };
    const { headers } = await this.#reach('write', () => this.#client.makeRequest(request));
    return headers.get('etag') ?? '';
  }

  async #endParts(
    { objectName, uploadId }: Omit<Part, 'number'>,
    etags: readonly string[],
  ): Promise<void> {
    const parts = etags.map(
      (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`,
    );
    const payload = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
    const request = { method: 'POST', objectName, query: { uploadId }, payload, returnBody: true };
    const answer = await (await this.#client.makeRequest(request)).text();
    // It may be an error with the status 200.
    if (!answer.includes('CompleteMultipartUploadResult'))
      throw new TypeError('it was not accepted');
  }

  async #reach<T>(what: string, work: () => Promise<T>, limitMs = ANSWER_MS): Promise<T> {
    try {
      return await inTime(work(), limitMs);
    } catch (error) {
      throw error instanceof JimsError ? error : this.#unavailable(what, error);
    }
  }

  #isMissing(error: unknown): boolean {
    return error instanceof this.#s3.S3Errors.ServerError && error.code === 'NoSuchKey';
  }

  #unavailable(what: string, cause: unknown): JimsError {
    const { code, message } = describeError(isFetchFailure(cause) ? cause.cause : cause);
    const reason = code === undefined ? message : `${code}: ${message}`;
    return filesUnavailable(`Cannot ${what} files in ${this.description}: ${reason}`, cause);
  }
}

/** Rejects when a request is not answered in time. The request itself cannot be stopped. */
async function inTime<T>(answer: Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const reason = new Error(`no answer in ${limitMs / 1000} seconds`);
  const timer = setTimeout(() => late.reject(reason), limitMs);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
    // A later rejection would be unhandled.
    answer.catch(() => {});
  }
}

/** Its message is `fetch failed`; the cause says why. */
function isFetchFailure(error: unknown): error is TypeError {
  return error instanceof TypeError && Error.isError(error.cause);
}

interface Part {
  readonly objectName: string;
  readonly uploadId: string;
  readonly number: number;
}

/** Joins pieces to parts of {@link PART_BYTES}; only the last one is smaller. */
async function* partsOf(
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  let part = new Uint8Array(64 * 1024);
  let filled = 0;
  for await (const piece of pieces) {
    for (let from = 0; from < piece.byteLength;) {
      const some = piece.subarray(from, from + PART_BYTES - filled);
      if (filled + some.byteLength > part.byteLength) {
        const size = Math.max(part.byteLength * 2, filled + some.byteLength);
        const larger = new Uint8Array(Math.min(PART_BYTES, size));
        larger.set(part.subarray(0, filled));
        part = larger;
      }
      part.set(some, filled);
      filled += some.byteLength;
      from += some.byteLength;
      if (filled < PART_BYTES) continue;
      yield part;
      // The request that sends the other one is over: it can be filled again.
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

function folderOf({ pathname }: URL): string {
  const folder = decodeURIComponent(pathname).replaceAll(/^\/+|\/+$/g, '');
  return folder === '' ? '' : `${folder}/`;
}

function invalid(reason: string, cause?: unknown): JimsError {
  return new JimsError('store_invalid', `The URL for files in S3 cannot be used: ${reason}`, {
    cause,
  });
}
