import { createHmac } from 'node:crypto';

const SECRET = /^whsec_(?<base64>[A-Za-z0-9+/]+={0,2})$/;
const MIN_BYTES = 24;
const MAX_BYTES = 64;

/** Signatures by Standard Webhooks, with each of several secrets: a receiver needs to know one of them. */
export class WebhookSignatures {
  readonly #keys: readonly Buffer[];

  /** @throws TypeError for a secret that is not `whsec_` and 24 to 64 bytes in base64. */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret, index) => {
      const { base64 = '' } = SECRET.exec(secret)?.groups ?? {};
      const key = Buffer.from(base64, 'base64');
      if (key.length >= MIN_BYTES && key.length <= MAX_BYTES) return key;
      throw new TypeError(
        `Webhook secret number ${index + 1} is not valid: make one with: echo "whsec_$(openssl rand -base64 32)"`,
      );
    });
  }

  /** The headers of a message that is sent now. Its id is the same each time that it is sent. */
  headersOf(id: string, body: string, now: number = Date.now()): Readonly<Record<string, string>> {
    const timestamp = String(Math.floor(now / 1000));
    const named = { 'webhook-id': id, 'webhook-timestamp': timestamp };
    if (this.#keys.length === 0) return named;
    const signed = `${id}.${timestamp}.${body}`;
    const signatures = this.#keys.map(
      (key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
    );
    return { ...named, 'webhook-signature': signatures.join(' ') };
  }
}
