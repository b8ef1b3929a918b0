import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CommandOptions } from '../../../src/cli/options/command-options.ts';
import { UsageError, parseCommandLine } from '../../../src/cli/options/options.ts';
import { folderWith, serveCommand } from '../../support/command.ts';
import { OidcIssuer } from '../../support/oidc-issuer.ts';

const ISSUER = ['--oidc-issuer', 'https://auth.example/'];
const OIDC = [...ISSUER, '--oidc-audience', 'jims'];
const AUTHENTIK = ['--authentik-url', 'https://auth.example', '--authentik-app-slug', 'app'];

function read(argv: readonly string[], env: Record<string, string> = {}): CommandOptions {
  const command = parseCommandLine(argv, env, '1.0.0');
  assert.ok(command.kind === 'serve');
  return command.options;
}

test('an issuer with its audience is all that OpenID Connect needs', () => {
  assert.deepEqual(read(OIDC).oidc, {
    issuer: 'https://auth.example/',
    audience: ['jims'],
    contactClaim: 'sub',
    jwksUrl: undefined,
    contactPrefix: undefined,
  });
});

test('the environment says the same as the flags', () => {
  const oidc = ['--oidc-audience', 'web', '--oidc-contact-claim', 'email'];
  const keys = ['--oidc-jwks-url', 'https://auth.example/keys'];
  const authentik = [...AUTHENTIK, '--authentik-contact-claim', 'sub', '--authentik-cache', '7'];
  const byFlags = read([...OIDC, ...oidc, ...keys, ...authentik, '--contact-prefix', 'user:']);
  const byVariables = read([], {
    JIMS_OIDC_ISSUER: 'https://auth.example/',
    JIMS_OIDC_AUDIENCE: 'jims, web',
    JIMS_OIDC_CONTACT_CLAIM: 'email',
    JIMS_OIDC_JWKS_URL: 'https://auth.example/keys',
    JIMS_CONTACT_PREFIX: 'user:',
    JIMS_AUTHENTIK_URL: 'https://auth.example',
    JIMS_AUTHENTIK_APP_SLUG: 'app',
    JIMS_AUTHENTIK_CONTACT_CLAIM: 'sub',
    JIMS_AUTHENTIK_CACHE: '7',
  });
  assert.deepEqual(byFlags, byVariables);
  assert.deepEqual(byFlags.oidc?.audience, ['jims', 'web']);
  assert.deepEqual(byFlags.authentik, {
    url: 'https://auth.example',
    slug: 'app',
    cacheSeconds: 7,
    contactClaim: 'sub',
    contactPrefix: 'user:',
  });
});

test('Authentik is asked each time, unless it also gives names', () => {
  assert.deepEqual(read(AUTHENTIK).authentik, {
    url: 'https://auth.example',
    slug: 'app',
    cacheSeconds: 0,
  });
  const named = read([...AUTHENTIK, '--authentik-contact-claim', 'sub']);
  assert.equal(named.authentik?.cacheSeconds, 30);
});

test('what is not given leaves the service open, also as an empty variable', () => {
  for (const env of [
    {},
    { JIMS_OIDC_ISSUER: '', JIMS_OIDC_AUDIENCE: '', JIMS_AUTHENTIK_URL: '' },
  ]) {
    const { apiKeys, oidc, authentik } = read([], env);
    assert.deepEqual(
      { apiKeys, oidc, authentik },
      { apiKeys: [], oidc: undefined, authentik: undefined },
    );
  }
});

test('half a configuration is refused in a line that says what is missing', () => {
  const refused: [string[], RegExp][] = [
    [ISSUER, /--oidc-issuer needs --oidc-audience/],
    [['--oidc-audience', 'jims'], /--oidc-audience needs --oidc-issuer/],
    [['--oidc-contact-claim', 'sub'], /--oidc-contact-claim needs --oidc-issuer/],
    [['--oidc-jwks-url', 'https://a.example/keys'], /--oidc-jwks-url needs --oidc-issuer/],
    [['--oidc-issuer', '', '--oidc-audience', ''], /--oidc-issuer is empty/],
    [[...ISSUER, '--oidc-audience', ' '], /--oidc-audience is empty/],
    [[...OIDC, '--oidc-contact-claim', ''], /--oidc-contact-claim is empty/],
    [[...OIDC, '--oidc-jwks-url', 'keys'], /OIDC keys must begin with http/],
    [['--oidc-issuer', 'auth', '--oidc-audience', 'jims'], /issuer must begin with http.*"auth"/],
    [[...OIDC, '--contact-prefix', ' a'], /contact prefix " a"/],
    [['--contact-prefix', 'user:'], /--contact-prefix needs/],
    [[...AUTHENTIK, '--contact-prefix', 'user:'], /--contact-prefix needs/],
    [['--authentik-contact-claim', 'sub'], /--authentik-contact-claim needs --authentik-url/],
    [['--authentik-url', '', '--authentik-app-slug', ''], /--authentik-url is empty/],
    [['--authentik-url', 'https://a.example', '--authentik-app-slug', '..'], /slug must be a name/],
    [[...AUTHENTIK, '--authentik-cache', '-1'], /--authentik-cache/],
  ];
  for (const [argv, reason] of refused) {
    assert.throws(
      () => read(argv),
      (error) => error instanceof UsageError && reason.test(error.message),
      argv.join(' '),
    );
  }
  assert.throws(() => read([], { JIMS_OIDC_AUDIENCE: 'jims' }), /needs --oidc-issuer/);
});

test('the command lets contacts in by the tokens of an issuer, and logs no token', async () => {
  await using issuer = await OidcIssuer.start();
  using folder = folderWith({ 'app.mjs': 'export async function app(ctx) {}' });
  const args = ['--oidc-issuer', issuer.url, '--oidc-audience', 'jims'];
  await using service = await serveCommand(args, { cwd: folder.path });
  const ask = async (token: string): Promise<[number, unknown]> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${service.url}/openapi.json`, { headers });
    const body: unknown = await response.json();
    return [response.status, response.ok ? undefined : body];
  };
  const [good, expired] = [await issuer.token(), await issuer.token({ exp: 1 })];
  issuer.discoveryReply = { status: 502, text: 'bad gateway' };
  const unavailable = { detail: 'Authentication is unavailable', code: 'auth_unavailable' };
  assert.deepEqual(await ask(good), [503, unavailable]);
  issuer.discoveryReply = undefined;
  assert.deepEqual(await ask(good), [200, undefined]);
  assert.deepEqual(await ask(expired), [401, { detail: 'Unauthorized' }]);
  assert.deepEqual(await ask('opaque'), [401, { detail: 'Unauthorized' }]);

  service.kill('SIGTERM');
  await service.ended;
  const log = service.log.join('\n');
  assert.match(log, /openid-configuration answered 502/);
  for (const token of [good, expired]) {
    for (const part of token.split('.').slice(1))
      assert.ok(!log.includes(part), 'a token is logged');
  }
  assert.ok(!log.includes('OPEN ACCESS'));
});
