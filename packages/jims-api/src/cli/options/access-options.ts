import { type AuthenticateOptions, createAuthenticate } from '../../auth/authenticate.ts';
import type { AuthentikOptions } from '../../auth/authentik.ts';
import type { OidcOptions } from '../../auth/oidc.ts';
import { OPTIONS } from './command-table.ts';
import type { Given, OptionName } from './command-table.ts';
import { UsageError, invalid } from './given-options.ts';
import type { Environment } from './option-table.ts';

const SENDABLE_KEY = /^[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u;
/** Without a contact claim every request asks Authentik, as in the original; with one it would ask twice. */
const CONTACT_CACHE_SECONDS = 30;

/**
 * Reads who may call.
 *
 * @throws UsageError for half a configuration that would leave the service open or locked.
 */
export function accessOptions(given: Given, env: Environment): AuthenticateOptions {
  const keys = apiKeys(given, env);
  const contactPrefix = text(given, 'contact-prefix');
  const options = {
    apiKeys: keys,
    oidc: oidc(given, contactPrefix),
    authentik: authentik(given, contactPrefix),
  };
  if (contactPrefix !== undefined && !options.oidc && !text(given, 'authentik-contact-claim')) {
    throw new UsageError('--contact-prefix needs --oidc-issuer or --authentik-contact-claim.');
  }
  requireUsable(options);
  return options;
}

/** Finds what else is wrong now, and not at the first request. */
function requireUsable(options: AuthenticateOptions): void {
  try {
    createAuthenticate(options);
  } catch (cause) {
    if (cause instanceof TypeError) throw new UsageError(cause.message, { cause });
    throw cause;
  }
}

/** An option that is given but empty never means "not given": that could open the service. */
function text(given: Given, name: OptionName): string | undefined {
  const found = given.get(name);
  if (found?.values.some((value) => value.trim() === '')) {
    throw new UsageError(`${found.name} is empty: give it a value, or remove it.`);
  }
  return found?.values.at(-1);
}

/** An empty key never means "no key": that would open a service that was meant to be closed. */
function apiKeys(given: Given, env: Environment): readonly string[] {
  const keys = given.get('api-key');
  const empty = keys ? keys.values.includes('') : env['JIMS_API_KEY'] === '';
  if (empty) {
    const name = keys?.from === 'flag' ? '--api-key' : 'JIMS_API_KEY';
    if (keys?.values.some((key) => key !== '')) {
      throw new UsageError(`${name} has an empty key between its commas, or at an end: remove it.`);
    }
    throw new UsageError(`${name} is empty: give it a key, or remove it to leave the API open.`);
  }
  const unsendable = keys?.values.find((key) => !SENDABLE_KEY.test(key));
  if (unsendable !== undefined) {
    throw new UsageError(
      `${keys?.name} has a key that no client can send: it has control characters, or spaces around it.`,
    );
  }
  return keys?.values ?? [];
}

function oidc(given: Given, contactPrefix: string | undefined): OidcOptions | undefined {
  const issuer = text(given, 'oidc-issuer');
  if (issuer === undefined) {
    for (const name of ['oidc-audience', 'oidc-contact-claim', 'oidc-jwks-url'] as const) {
      if (given.get(name)) throw new UsageError(`--${name} needs --oidc-issuer beside it.`);
    }
    return undefined;
  }
  if (text(given, 'oidc-audience') === undefined) {
    throw new UsageError(
      '--oidc-issuer needs --oidc-audience beside it: otherwise tokens for other applications would be accepted.',
    );
  }
  return {
    issuer,
    audience: given.get('oidc-audience')?.values ?? [],
    contactClaim: text(given, 'oidc-contact-claim') ?? OPTIONS['oidc-contact-claim'].default,
    jwksUrl: text(given, 'oidc-jwks-url'),
    contactPrefix,
  };
}

function authentik(given: Given, contactPrefix: string | undefined): AuthentikOptions | undefined {
  const url = text(given, 'authentik-url');
  const slug = text(given, 'authentik-app-slug');
  const contactClaim = text(given, 'authentik-contact-claim');
  if (!url && !slug) {
    if (contactClaim) throw new UsageError('--authentik-contact-claim needs --authentik-url.');
    return undefined;
  }
  if (!url) throw new UsageError('--authentik-app-slug needs --authentik-url beside it.');
  if (!slug) throw new UsageError('--authentik-url needs --authentik-app-slug beside it.');
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw invalid('authentik-url', `'${url}' is not an http(s) address.`);
  }
  const cacheSeconds = text(given, 'authentik-cache')
    ? given.integer('authentik-cache')
    : contactClaim
      ? CONTACT_CACHE_SECONDS
      : 0;
  return {
    url,
    slug,
    cacheSeconds,
    ...(contactClaim && { contactClaim, contactPrefix }),
  };
}
