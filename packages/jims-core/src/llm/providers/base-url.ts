import { JimsError } from '../../errors/jims-error.ts';
import type { NamedValue } from '../environment.ts';

/** Endpoints that people copy along from an example of a request. */
const ENDPOINT = /\/(?:chat\/completions|completions|embeddings|responses|messages|rerank)$/;
/** Others, which are only known as such after a version. */
const ENDPOINT_OF_VERSION = /(?<=\/v\d+(?:beta)?)\/(?:chat|models(?:\/[^/]*)?)$/;

/**
 * The address without a slash or an endpoint at its end.
 *
 * @throws JimsError `llm_unusable` for a value that is not a plain web address. The value is not
 * quoted, as it may hold a key.
 */
export function baseUrl(address: NamedValue): string {
  const { origin, path } = parts(address);
  return origin + path;
}

/** The address with `/v1` at its end, unless it has a version. */
export function versionedUrl(address: NamedValue): string {
  const base = baseUrl(address);
  return /\/v\d+$/.test(base) ? base : `${base}/v1`;
}

/** Google's address with its version, unless it has a path. */
export function geminiUrl(address: NamedValue): string {
  const base = baseUrl(address);
  return new URL(base).pathname === '/' ? `${base}/v1beta` : base;
}

export interface AzureAddress {
  /** The address of the resource, without the path of an API. */
  readonly resource: string;
  /** The address of the v1 API, which is the same for all deployments, if that was given. */
  readonly v1: string | undefined;
}

/** Reads the forms in which Azure's pages show an address: with a deployment, or of the v1 API. */
export function azureAddress({ name, value }: NamedValue): AzureAddress {
  const { origin, path } = parts({ name, value: value.replace(/\?.*$/s, '') });
  const at = path.search(/\/openai(?:\/|$)/);
  const resource = origin + (at < 0 ? path : path.slice(0, at));
  const isV1 = at >= 0 && /^\/openai\/v1(?:\/|$)/.test(path.slice(at));
  return { resource, v1: isV1 ? `${resource}/openai/v1` : undefined };
}

function parts({ name, value }: NamedValue): { readonly origin: string; readonly path: string } {
  const url = URL.parse(value.trim());
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw unusable(name, 'is not a web address: write it as https://host/v1');
  }
  if (url.username || url.password) {
    throw unusable(name, 'contains a user name or password: remove it, and set the key instead');
  }
  if (url.search || url.hash) {
    throw unusable(name, "has more after its path: remove everything from the '?' or '#'");
  }
  const path = url.pathname.replaceAll(/\/{2,}/g, '/').replace(/\/$/, '');
  return { origin: url.origin, path: path.replace(ENDPOINT, '').replace(ENDPOINT_OF_VERSION, '') };
}

function unusable(name: string, problem: string): JimsError {
  return new JimsError('llm_unusable', `${name} ${problem}`);
}
