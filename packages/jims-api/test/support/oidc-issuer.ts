import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';

import {
  type CryptoKey,
  type GenerateKeyPairResult,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  exportJWK,
  generateKeyPair,
} from 'jose';

import { localPort } from '../../../jims-core/test/support/local-port.ts';

/** An answer in place of a good one: after `hold`; `drop` cuts the connection, `stall` never ends. */
export interface IssuerReply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly hold?: Promise<unknown>;
  readonly drop?: boolean;
  readonly stall?: boolean;
}

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** Claims to say otherwise; `undefined` leaves one out. */
export type ClaimChanges = Readonly<Record<string, unknown>>;

const DISCOVERY = '/.well-known/openid-configuration';
const KEYS = '/keys';

/** Makes keys and signs with them, as an issuer does. */
export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey }: GenerateKeyPairResult = await generateKeyPair(alg);
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg } };
}

/** An OpenID Connect issuer on a real port, for the audience `jims`. */
export class OidcIssuer implements AsyncDisposable {
  /** The paths that were requested for. */
  readonly requested: string[] = [];
  /** What is published. */
  keys: SigningKey[];
  discoveryReply: IssuerReply | undefined;
  keysReply: IssuerReply | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #port = 0;
  #closing: Promise<unknown> | undefined;

  private constructor(key: SigningKey) {
    this.keys = [key];
  }

  static async start(key?: SigningKey): Promise<OidcIssuer> {
    const issuer = new OidcIssuer(key ?? (await signingKey('first')));
    issuer.#port = await localPort(issuer.#server);
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get keysUrl(): string {
    return this.url + KEYS;
  }

  /** Claims of a good token for the user `alice`, five minutes long, with changes. */
  claims(changes: ClaimChanges = {}): JWTPayload {
    const now = Math.floor(Date.now() / 1000);
    const good = { iss: this.url, aud: 'jims', sub: 'alice', iat: now, exp: now + 300 };
    return { ...good, ...changes };
  }

  /** A token signed by the issuer's first key, or by another. */
  async token(
    changes: ClaimChanges = {},
    { key = this.keys[0], header = {} }: TokenOptions = {},
  ): Promise<string> {
    if (key === undefined) throw new Error('The issuer has no key');
    const { alg, kid } = key;
    const jwt = new SignJWT(this.claims(changes));
    return jwt.setProtectedHeader({ alg, kid, typ: 'JWT', ...header }).sign(key.privateKey);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requested.push(request.url ?? '');
    const reply = this.#replyTo(request.url);
    await reply.hold;
    if (reply.drop) {
      request.socket.destroy();
      return;
    }
    response.writeHead(reply.status ?? 200, reply.headers);
    const body = reply.text ?? JSON.stringify(reply.json);
    if (reply.stall) response.write(body);
    else response.end(body);
  }

  #replyTo(path: string | undefined): IssuerReply {
    if (path === DISCOVERY) {
      return this.discoveryReply ?? { json: { issuer: this.url, jwks_uri: this.keysUrl } };
    }
    if (path !== KEYS) return { status: 404, text: 'not here' };
    return this.keysReply ?? { json: { keys: this.keys.map(({ publicJwk }) => publicJwk) } };
  }

  /** May be called twice: tests take an issuer away before they end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#closing;
  }
}

interface TokenOptions {
  readonly key?: SigningKey | undefined;
  readonly header?: Partial<JWTHeaderParameters>;
}
