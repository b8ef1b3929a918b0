// An S3-compatible server. It looks at signatures with the signer of AWS's own SDK, which the one behind
// it does not.
import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { SignatureV4 } from '@smithy/signature-v4';
import { startFauxqs } from 'fauxqs';

import { localPort } from './local-port.ts';

export const KEYS = { AWS_ACCESS_KEY_ID: 'AKTEST', AWS_SECRET_ACCESS_KEY: 'secret' } as const;
const REGION = 'eu-central-1';

export interface S3Server extends AsyncDisposable {
  /** For `openFileStore`: a new bucket, and a folder in it. */
  readonly url: string;
  /** The requests so far: `PUT /bucket/key?query`. */
  readonly requests: readonly string[];
  /** Answers the requests that match with an error from now on. */
  failAt(pattern: RegExp): void;
}

export async function startS3Server(): Promise<S3Server> {
  const behind = await startFauxqs({ port: 0, logger: false, init: { buckets: ['files'] } });
  const requests: string[] = [];
  let failing: RegExp | undefined;
  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    void pass(request, response, failing?.test(line) === true);
  });

  async function pass(
    request: IncomingMessage,
    response: ServerResponse,
    fails: boolean,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (fails) return refuse(response, 500, 'InternalError');
    if (!(await isSigned(request, body))) return refuse(response, 403, 'SignatureDoesNotMatch');
    const { range, 'content-type': type = 'application/octet-stream' } = request.headers;
    const answer = await fetch(`http://127.0.0.1:${behind.port}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': type, ...(range !== undefined && { range }) },
      ...(request.method !== 'GET' && { body }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  }

  const endpoint = `http://127.0.0.1:${await localPort(server)}`;
  return {
    url: `s3://files/chat/files?region=${REGION}&endpoint=${encodeURIComponent(endpoint)}`,
    requests,
    failAt: (pattern) => void (failing = pattern),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await behind.stop();
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>Refused</Message></Error>`);
}

async function isSigned(request: IncomingMessage, body: Buffer): Promise<boolean> {
  const { authorization = '', 'x-amz-date': date, 'x-amz-content-sha256': hash } = request.headers;
  if (hash !== createHash('sha256').update(body).digest('hex')) return false;
  const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
  const url = new URL(request.url ?? '', `http://${request.headers.host}`);
  const signer = new SignatureV4({
    service: 's3',
    region: REGION,
    credentials: {
      accessKeyId: KEYS.AWS_ACCESS_KEY_ID,
      secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY,
    },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: request.method ?? 'GET',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers,
    },
    { signingDate: dateOf(String(date)) },
  );
  const signature = (text: string): string | undefined => /Signature=(\w+)/.exec(text)?.[1];
  return signature(String(signed.headers['authorization'])) === signature(authorization);
}

function dateOf(text: string): Date {
  return new Date(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

/** As the signer wants it. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  if (data instanceof ArrayBuffer) return Buffer.from(data);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
