import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

import { namesTag } from '../../http/etag.ts';

/** A file for browsers, as `jims-playground` and `jims-widget` have it. */
interface Asset {
  readonly type: string;
  readonly body: string;
}

/** A file in the forms that it is sent in. */
interface AssetFile {
  readonly type: string;
  readonly tag: string;
  readonly bodies: Readonly<Record<Encoding, Buffer<ArrayBuffer>>>;
}

type Encoding = 'br' | 'gzip' | 'identity';

/** The slower levels save a tenth of the bytes for ten times the time. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } };
const compressBrotli = promisify(brotliCompress);
const compressGzip = promisify(gzip);

/** The files of a package for browsers: read and compressed once, by the first request. */
export class AssetFiles {
  readonly #read: () => Promise<ReadonlyMap<string, Asset>>;
  readonly #files = new Map<string, Promise<AssetFile>>();

  constructor(read: () => Promise<ReadonlyMap<string, Asset>>) {
    this.#read = read;
  }

  /** Reads and compresses all files, so that the first request does not wait for it. */
  async prepare(): Promise<void> {
    const assets = await this.#read();
    for (const [name, asset] of assets) await this.#file(name, asset);
  }

  /**
   * Answers with a file: compressed if the client takes that, and without its body when the client has it.
   * `undefined` for an unknown file.
   */
  async answer(
    name: string,
    request: Request,
    more: Readonly<Record<string, string>>,
  ): Promise<Response | undefined> {
    const asset = (await this.#read()).get(name);
    if (!asset) return undefined;
    const { type, tag, bodies } = await this.#file(name, asset);
    const encoding = encodingFor(request.headers.get('accept-encoding') ?? '');
    const etag = `"${tag}-${encoding}"`;
    const headers = {
      ...more,
      'content-type': type,
      'x-content-type-options': 'nosniff',
      // Asked for each time: a new version of the service has new files.
      'cache-control': 'no-cache',
      etag,
      vary: [more['vary'], 'accept-encoding'].filter(Boolean).join(', '),
    };
    if (namesTag(request.headers.get('if-none-match'), etag)) {
      return new Response(null, { status: 304, headers });
    }
    const body = bodies[encoding];
    return new Response(body, {
      headers: {
        ...headers,
        'content-length': String(body.length),
        ...(encoding !== 'identity' && { 'content-encoding': encoding }),
      },
    });
  }

  #file(name: string, asset: Asset): Promise<AssetFile> {
    const file = this.#files.get(name) ?? compressed(asset);
    this.#files.set(name, file);
    return file;
  }
}

async function compressed({ type, body }: Asset): Promise<AssetFile> {
  const identity = Buffer.from(body);
  const [br, zipped] = await Promise.all([
    compressBrotli(identity, BROTLI),
    compressGzip(identity),
  ]);
  const bodies = { br, gzip: zipped, identity };
  return { type, tag: hash('sha256', identity, 'base64url').slice(0, 22), bodies };
}

/** The best encoding that a client takes; one with a weight of 0 it refuses. */
function encodingFor(accepted: string): Encoding {
  const names = accepted
    .toLowerCase()
    .split(',')
    .filter((each) => !/;\s*q=0(?:\.0*)?\s*$/.test(each))
    .map((each) => each.split(';', 1)[0]?.trim());
  const taken = new Set(names);
  return (['br', 'gzip'] as const).find((each) => taken.has(each)) ?? 'identity';
}
