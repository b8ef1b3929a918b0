import type { JsonObject } from 'jims-core';

import { readJsonObject } from './json-answer.ts';

/** Issuers with many keys and certificates need some ten thousand. */
const DOCUMENT_BYTES = 256 * 1024;
const DISCOVERY = '/.well-known/openid-configuration';

/** Where an issuer's keys are found. */
export interface KeysLocation {
  readonly issuer: string;
  /** Default: what the issuer's discovery document says. */
  readonly jwksUrl?: string | undefined;
}

/**
 * Gets the keys of an issuer: by discovery, unless it is known where they are. Rejects with an Error that
 * says what is wrong with the issuer.
 */
export async function fetchKeys(
  { issuer, jwksUrl }: KeysLocation,
  signal: AbortSignal,
): Promise<JsonObject> {
  return fetchJson(jwksUrl ?? (await discoverKeys(issuer, signal)), signal);
}

async function discoverKeys(issuer: string, signal: AbortSignal): Promise<string> {
  const document = await fetchJson(issuer.replace(/\/$/, '') + DISCOVERY, signal);
  const { issuer: name, jwks_uri: jwksUrl } = document;
  // Else one tenant of a server could speak for another.
  if (name !== issuer) {
    throw new Error(`The issuer ${issuer} calls itself ${JSON.stringify(name)}`);
  }
  const location = typeof jwksUrl === 'string' ? URL.parse(jwksUrl) : null;
  const safe = issuer.startsWith('https:') ? /^https:$/ : /^https?:$/;
  if (location === null || !safe.test(location.protocol)) {
    throw new Error(`The issuer ${issuer} says no usable jwks_uri`);
  }
  return location.href;
}

/** `fetch`, so that a proxy of the environment is used: no token goes this way. */
async function fetchJson(url: string, signal: AbortSignal): Promise<JsonObject> {
  const headers = { accept: 'application/json, application/jwk-set+json' };
  const response = await fetch(url, { signal, headers, redirect: 'manual' });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  return readJsonObject(response.body, DOCUMENT_BYTES);
}
