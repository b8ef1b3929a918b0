import { JimsError } from '../errors/jims-error.ts';

/** What people copy along from an example of a request. */
const ENDPOINT = /\/(?:chat\/completions|completions|embeddings|responses|messages|rerank)$/;

/**
 * The address that paths are put after: without a slash or an endpoint at its end.
 *
 * @param name What it comes from: a variable or a setting.
 * @throws JimsError `llm_unusable` for what is not such an address. It is not quoted, as it may hold a key.
 */
export function baseUrl(name: string, value: string): string {
  const { origin, path } = parts(name, value);
  return origin + path;
}

/** An address with `/v1` at its end, where it has no version of its own. */
export function versionedUrl(name: string, value: string): string {
  const base = baseUrl(name, value);
  return /\/v\d+$/.test(base) ? base : `${base}/v1`;
}

/** Google's address with its version. One with a path of its own is taken as it is. */
export function geminiUrl(name: string, value: string): string {
  const base = baseUrl(name, value);
  return new URL(base).pathname === '/' ? `${base}/v1beta` : base;
}

export interface AzureAddress {
  /** Without the path of Azure's API. */
  readonly resource: string;
  /** The address of the API that has no deployments in its paths, when that was given. */
  readonly v1: string | undefined;
}

/** Azure's pages show an address in several forms: with a deployment and a version, or of its v1 API. */
export function azureAddress(name: string, value: string): AzureAddress {
  const { origin, path } = parts(name, value.trim().replace(/\?.*$/s, ''));
  const at = path.search(/\/openai(?:\/|$)/);
  const resource = origin + (at < 0 ? path : path.slice(0, at));
  const isV1 = at >= 0 && /^\/openai\/v1(?:\/|$)/.test(path.slice(at));
  return { resource, v1: isV1 ? `${resource}/openai/v1` : undefined };
}

function parts(name: string, value: string): { readonly origin: string; readonly path: string } {
  const url = URL.parse(value.trim());
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw unusable(name, 'is not a web address: write it as https://host/v1');
  }
  if (url.username || url.password) {
    throw unusable(name, 'holds a user name or password: leave it out, and set the key instead');
  }
  if (url.search || url.hash) {
    throw unusable(name, "has more after its path: leave out what begins with '?' or '#'");
  }
  const path = url.pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '');
  return { origin: url.origin, path: path.replace(ENDPOINT, '') };
}

function unusable(name: string, problem: string): JimsError {
  return new JimsError('llm_unusable', `${name} ${problem}`);
}
