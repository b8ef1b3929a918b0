// What the command says about its options, and how it takes them.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';

import { DEFAULT_RUN_LIMITS, defineApp, isJimsError, openStore } from 'jims-core';
import type { Pipeline } from 'jims-core';

import type { CommandOptions } from '../../../src/cli/options/command-options.ts';
import { readDotEnv } from '../../../src/cli/options/environment.ts';
import type { Environment } from '../../../src/cli/options/option-table.ts';
import { UsageError, parseCommandLine } from '../../../src/cli/options/options.ts';
import { PortError } from '../../../src/server/node-server/listen.ts';
import type { Service } from '../../../src/server/serve-options.ts';
import { serve } from '../../../src/server/serve.ts';
import { folderWith, runCommand, serveCommand } from '../../support/command.ts';
import { recorder } from '../../support/recorder.ts';

const USAGE = "Usage: jims-api [OPTIONS]\nTry 'jims-api --help' for help.\n\n";
const ECHO = 'export const app = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);\n';
const SECRET = `whsec_${Buffer.alloc(32).toString('base64')}`;
const HELLO = JSON.stringify({ contact_id: 'customer:42', message: 'Hello' });

function post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(`${url}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: HELLO,
  });
}

/** The service that these options make, in the process of the test. */
function served(
  args: readonly string[],
  env: Environment = {},
  pipeline: Pipeline = (ctx) => ctx.sendMessage(`You said: ${ctx.lastUserMessage}`),
): Promise<Service> {
  const defaults = ['--host=127.0.0.1', '--port=0', '--metrics-port=0', '--db=sqlite::memory:'];
  const { logger } = recorder();
  const options = optionsOf([...defaults, ...args], env);
  return serve(defineApp(pipeline), { ...options, signals: false, logger });
}

function optionsOf(args: readonly string[], env: Environment = {}): CommandOptions {
  const command = parseCommandLine(args, env, '1.0.0');
  assert.ok(command.kind === 'serve');
  return command.options;
}

/** What a command line prints that serves nothing. */
function printed(args: readonly string[]): string {
  const command = parseCommandLine(args, {}, '1.0.0');
  assert.ok(command.kind === 'print');
  return command.text;
}

/** The whole text of the refusal of a command line. */
function refusalOf(args: readonly string[], env: Environment = {}): string {
  try {
    parseCommandLine(args, env, '1.0.0');
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  assert.fail('it is not refused');
}

/** `fetch` sends no Host of one's own. */
function statusAt(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(`${url}/openapi.json`, { headers: { host, authorization: 'Bearer key' } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

describe('options', { concurrency: 2 }, () => {
  test('--help names every option with its variable and its default, and gives examples', () => {
    const stdout = printed(['--help', '--port', 'abc']);
    for (const name of [
      'app',
      'host',
      'port',
      'db',
      'api-key',
      'authentik-url',
      'authentik-app-slug',
      'metrics-port',
      'enable-sentry',
      'verbose',
    ]) {
      const variable = `JIMS_${name.replaceAll('-', '_').toUpperCase()}`;
      assert.match(stdout, new RegExp(`--${name}\\b.*\\[${variable}\\b`), name);
    }
    assert.match(stdout, /--port .*default: 8080/);
    assert.match(stdout, /--db .*JIMS_DB_CONN_URI/);
    assert.match(stdout, /Examples:\n {2}jims-api --app/);
    assert.match(stdout, /Flags win over the environment, the environment over \.env/);
  });

  test('event types of contacts are a list, of none by default', () => {
    const typesOf = (...given: Parameters<typeof optionsOf>): unknown =>
      optionsOf(...given).contactEventTypes;
    assert.deepEqual(typesOf([]), []);
    const some = typesOf(['--contact-event-types', 'ui.*, !ui.secret']);
    assert.deepEqual(some, ['ui.*', '!ui.secret']);
    assert.deepEqual(typesOf([], { JIMS_CONTACT_EVENT_TYPES: 'ui.*,app.*' }), ['ui.*', 'app.*']);
  });

  test('sizes of messages and configs are those that are given', async () => {
    const env = { JIMS_MAX_MESSAGE_SIZE: '10' };
    await using service = await served(['--max-config-size', '40'], env);
    const send = async (more: object): Promise<unknown> => {
      const body = JSON.stringify({ contact_id: 'c', message: 'Hello', ...more });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${service.url}/api/v1/chat`, { method: 'POST', headers, body });
      return [response.status, /"code":"(\w+)"/.exec(await response.text())?.[1]];
    };
    assert.deepEqual(await send({}), [200, undefined]);
    assert.deepEqual(await send({ message: 'Hello world' }), [413, 'message_too_large']);
    const thread_config = { note: 'x'.repeat(40) };
    assert.deepEqual(await send({ thread_config }), [413, 'config_too_large']);
    const document = await (await fetch(`${service.url}/openapi.json`)).text();
    assert.match(document, /"message":\{"type":"string","maxLength":10,/);
  });

  test('runs and questions are gone on with by default; a question waits as long as is said', () => {
    const durable = (...given: Parameters<typeof optionsOf>): unknown[] => {
      const { recover, limits } = optionsOf(...given);
      return [recover, limits?.questionTtlMs];
    };
    const month = DEFAULT_RUN_LIMITS.questionTtlMs;
    assert.deepEqual(durable([]), [true, month]);
    assert.deepEqual(durable(['--recover', 'off', '--question-ttl', '60']), [false, 60_000]);
    const env = { JIMS_RECOVER: 'off', JIMS_QUESTION_TTL: '86400' };
    assert.deepEqual(durable([], env), [false, 86_400_000]);
    assert.deepEqual(durable(['--recover=on'], env), [true, 86_400_000]);
  });

  test('--recover off answers no questions, and --question-ttl is when one is over', async () => {
    using folder = folderWith({});
    const db = ['--db', `sqlite:///${folder.path}/chat.db`];
    const asking: Pipeline = async (ctx) => {
      const { kind } = await ctx.ask({ to: 'service', name: 'approve' });
      ctx.sendMessage(kind);
    };
    let question: { readonly question_id: string; readonly asked_at: string; expires_at: string };
    const openQuestion = async (url: string): Promise<typeof question> => {
      const page = await (await fetch(`${url}/api/v1/questions?state=open`)).json();
      return Object(page).questions[0];
    };
    {
      await using service = await served([...db, '--question-ttl', '600'], {}, asking);
      await post(service.url);
      question = await openQuestion(service.url);
      const seconds = (Date.parse(question.expires_at) - Date.parse(question.asked_at)) / 1000;
      assert.equal(seconds, 600);
    }
    await using copy = await served([...db, '--recover', 'off'], {}, asking);
    const answer = await fetch(`${copy.url}/api/v1/questions/${question.question_id}/answer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"value": true}',
    });
    assert.equal(answer.status, 503);
    assert.deepEqual(await openQuestion(copy.url), question);
  });

  test('what is asked for is printed, and the exit code is 0: the version of the package', async () => {
    using folder = folderWith({});
    const { code, stdout, stderr } = await runCommand(['--version'], { cwd: folder.path });
    assert.equal(code, 0);
    assert.match(stdout, /^jims-api \d+\.\d+\.\d+\S*\n$/);
    assert.equal(stderr, '');
  });

  for (const [title, args, message] of [
    ['an unknown option', ['--nope'], 'No such option: --nope'],
    [
      'a public address without a scheme',
      ['--public-url', 'chat.example'],
      "Invalid value for '--public-url': 'chat.example' is not an address such as https://chat.example.",
    ],
    [
      'an address with a password',
      ['--cors-origin', "https://user:s3c'r@et@app.example"],
      "Invalid value for '--cors-origin': '***@app.example' is not an origin such as https://app.example. Origins are exact: name each one, or * for any.",
    ],
    [
      'a word with a password',
      ['postgresql://user:s3cret@host/db'],
      'Got unexpected extra argument (***@host/db)',
    ],
    [
      'an origin by a pattern',
      ['--cors-origin', 'https://*.example'],
      "Invalid value for '--cors-origin': 'https://*.example' is not an origin such as https://app.example. Origins are exact: name each one, or * for any.",
    ],
    [
      'an allowed host that is an address',
      ['--allowed-host', 'https://chat.example'],
      "Invalid value for '--allowed-host': 'https://chat.example' is not a host name such as chat.example, without scheme and port.",
    ],
    [
      'a misspelt option',
      ['--metrcs-port', '1'],
      'No such option: --metrcs-port Did you mean --metrics-port?',
    ],
    [
      'the beginning of an option',
      ['--metrics-p', '1'],
      'No such option: --metrics-p Did you mean --metrics-port?',
    ],
    ['an option without its value', ['--port'], "Option '--port' requires an argument."],
    [
      'a value that begins with a dash',
      ['--port', '-1'],
      "Option '--port' requires an argument; one that begins with a dash is given as --port=-…",
    ],
    ['an extra word', ['extra'], 'Got unexpected extra argument (extra)'],
    [
      'a port that is not a number',
      ['--port', 'abc'],
      "Invalid value for '--port': 'abc' is not a valid integer.",
    ],
    [
      'a port out of range',
      ['--port', '99999'],
      "Invalid value for '--port': 99999 is not between 0 and 65535.",
    ],
    [
      'one port for two',
      ['--port', '7000', '--metrics-port', '7000'],
      '--port and --metrics-port are both 7000: choose another one.',
    ],
    [
      'an unknown loader',
      ['--loader', 'babel'],
      "Invalid value for '--loader': 'babel' is not one of auto, native, tsx.",
    ],
    [
      'a recovery that is neither on nor off',
      ['--recover', 'no'],
      "Invalid value for '--recover': 'no' is not one of on, off.",
    ],
    [
      'a question that never waits',
      ['--question-ttl', '0'],
      "Invalid value for '--question-ttl': 0 is not between 1 and 2147483647.",
    ],
    [
      'a drain that no timer measures',
      ['--drain-timeout', '2147484'],
      "Invalid value for '--drain-timeout': 2147484 is not between 0 and 2000000.",
    ],
    [
      'a guessable key for addresses',
      ['--file-address-key', 'short'],
      "Invalid value for '--file-address-key': it needs at least 32 characters.",
    ],
    [
      'an address in the place of a host',
      ['--webhook-hosts', 'a.example,https://b.example'],
      "Invalid value for '--webhook-hosts': 'https://b.example' is not a host such as hooks.example, receiver:8080, *.example.com or *.",
    ],
    [
      'a secret that signs nothing',
      ['--webhook-secret', SECRET],
      '--webhook-secret needs --webhook-hosts beside it: nothing is sent without.',
    ],
    [
      'a secret without its prefix',
      ['--webhook-hosts', '*', '--webhook-secret', `${SECRET} ${SECRET.slice(6)}`],
      'Invalid value for \'--webhook-secret\': it is not whsec_ and 24 to 64 bytes in base64. Make one with: echo "whsec_$(openssl rand -base64 32)"',
    ],
    [
      'an empty key',
      ['--api-key', ''],
      '--api-key is empty: give it a key, or remove it to leave the API open.',
    ],
    [
      'a URL without a slug',
      ['--authentik-url', 'http://a.example'],
      '--authentik-url needs --authentik-app-slug beside it.',
    ],
    [
      'a slug without a URL',
      ['--authentik-app-slug', 'app'],
      '--authentik-app-slug needs --authentik-url beside it.',
    ],
    [
      'a URL of another kind',
      ['--authentik-url', 'ftp://a', '--authentik-app-slug', 'app'],
      "Invalid value for '--authentik-url': 'ftp://a' is not an http(s) address.",
    ],
  ] as const) {
    test(`${title} is refused in one line`, () => {
      assert.equal(refusalOf(args), `${USAGE}Error: ${message}`);
    });
  }

  test('what is refused is printed to standard error, and the exit code is 2', async () => {
    using folder = folderWith({ 'app.js': ECHO });
    const { code, stdout, stderr } = await runCommand(['--nope'], { cwd: folder.path });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.equal(stderr, `${USAGE}Error: No such option: --nope\n`);
  });

  for (const [variable, value, message] of [
    ['JIMS_PORT', '1.5', "Invalid value for '--port': '1.5' is not a valid integer."],
    ['JIMS_VERBOSE', 'maybe', "Invalid value for '--verbose': 'maybe' is not a valid boolean."],
    [
      'JIMS_API_KEY',
      '',
      'JIMS_API_KEY is empty: give it a key, or remove it to leave the API open.',
    ],
    [
      'JIMS_API_KEY',
      '\n',
      'JIMS_API_KEY is empty: give it a key, or remove it to leave the API open.',
    ],
    [
      'JIMS_API_KEY',
      'old,new,',
      'JIMS_API_KEY has an empty key between its commas, or at an end: remove it.',
    ],
    ['JIMS_RECOVER', 'maybe\n', "Invalid value for '--recover': 'maybe' is not one of on, off."],
  ] as const) {
    test(`${variable}=${JSON.stringify(value)} is refused as a flag would be`, () => {
      assert.equal(refusalOf([], { [variable]: value }), `${USAGE}Error: ${message}`);
    });
  }

  test('push notifications that nothing signs cause a warning', () => {
    for (const [secret, warnings] of [
      [[], ['push notifications are not signed, as there is no --webhook-secret']],
      [['--webhook-secret', SECRET], []],
    ] as const) {
      const command = parseCommandLine(['--webhook-hosts', '*', ...secret], {}, '1.0.0');
      assert.ok(command.kind === 'serve');
      assert.deepEqual(command.warnings, warnings);
    }
  });

  test('flags win over the environment, the environment over .env, empty variables count as unset', async () => {
    const lines = ['JIMS_API_KEY=of-the-file', 'JIMS_DB=sqlite:///file.db', '# a comment', ''];
    using folder = folderWith({ '.env': `\uFEFF${lines.join('\n')}` });
    // As files of secrets end.
    const JIMS_DB = 'sqlite:///environment.db\r\n';
    const others = { JIMS_DB, JIMS_APP: '', JIMS_MAX_RUNS: ' 7 ' };
    const fromFile = optionsOf([], readDotEnv(folder.path, others));
    assert.equal(fromFile.store, 'sqlite:///environment.db');
    assert.equal(fromFile.limits?.maxRuns, 7);
    assert.equal(fromFile.app, optionsOf([]).app);
    assert.deepEqual(fromFile.apiKeys, ['of-the-file']);

    const env = readDotEnv(folder.path, { ...others, JIMS_API_KEY: 'of-the-environment' });
    const flags = ['--db', 'sqlite:///flag.db', '--api-key', 'a', '--api-key', 'b,c'];
    const byFlag = optionsOf(flags, env);
    assert.equal(byFlag.store, 'sqlite:///flag.db');
    assert.deepEqual(byFlag.apiKeys, ['a', 'b,c']);
    assert.deepEqual(optionsOf([], env).apiKeys, ['of-the-environment']);
  });

  test('a variable may hold several keys and patterns, with commas between them', async () => {
    const env = { JIMS_API_KEY: 'one, two', JIMS_ALLOWED_EVENT_TYPES: 'crm.*' };
    await using service = await served([], env);
    for (const key of ['one', 'two']) {
      const response = await post(service.url, { authorization: `Bearer ${key}` });
      assert.equal(response.status, 422, 'comm.user_message is not among the patterns');
    }
    assert.equal((await post(service.url, { authorization: 'Bearer one, two' })).status, 401);
  });

  test('the host of a request is checked without keys or on a loopback address, and by --allowed-host', async () => {
    const evil = 'evil.example:8080';
    const key = { JIMS_API_KEY: 'key' };
    const anywhere = ['--host', '0.0.0.0'];
    for (const [args, env, expected] of [
      [[], {}, { [evil]: 403, localhost: 200, '10.0.0.1': 200 }],
      [anywhere, {}, { [evil]: 403, jims: 200 }],
      [[], key, { [evil]: 403 }],
      [anywhere, key, { [evil]: 200 }],
      [[], { JIMS_ALLOWED_HOST: 'chat.example, evil.example' }, { [evil]: 200, 'a.example': 403 }],
      [anywhere, { ...key, JIMS_ALLOWED_HOST: 'chat.example' }, { [evil]: 403 }],
      [[], { JIMS_PUBLIC_URL: 'https://evil.example' }, { [evil]: 200 }],
    ] as const) {
      await using service = await served(args, env);
      for (const [host, status] of Object.entries(expected)) {
        const what = `${args.join(' ')} ${JSON.stringify(env)} ${host}`;
        assert.equal(await statusAt(service.url, host), status, what);
      }
    }
  });

  test('--require-contact-header refuses a service that names no contact by it', async () => {
    await using service = await served(['--require-contact-header']);
    assert.equal((await post(service.url)).status, 400);
    assert.equal((await post(service.url, { 'x-jims-contact-id': 'customer:42' })).status, 200);
  });

  test('variables reach the app, and options the service, those of .env too', async () => {
    using folder = folderWith({
      'app.js': 'export const app = (ctx) => ctx.sendMessage(process.env.GREETING);\n',
      '.env': 'GREETING="Hello from .env"\nJIMS_API_KEY=key\n',
    });
    await using service = await serveCommand([], { cwd: folder.path });
    assert.equal((await post(service.url)).status, 401);
    const answer = await post(service.url, { authorization: 'Bearer key' });
    assert.match(await answer.text(), /Hello from \.env/);
  });

  test('an address that cannot be used is one line that names its option, and exit code 1', async () => {
    using folder = folderWith({ 'app.js': ECHO });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? String(address.port) : '';
    for (const [args, problem] of [
      [
        ['--port', '0', '--metrics-port', port],
        `127.0.0.1:${port}: the port is in use, choose another one (--metrics-port)`,
      ],
      [
        ['--port', '0', '--metrics-port', '0', '--metrics-host', '192.0.2.1'],
        '192.0.2.1:0: the host is not an address of this machine (--metrics-host)',
      ],
    ] as const) {
      const all = ['--host', '127.0.0.1', '--db', 'sqlite::memory:', ...args];
      const { code, stdout, stderr } = await runCommand(all, { cwd: folder.path });
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.equal(stderr, `jims-api: Cannot listen on ${problem}\n`);
    }
    const named = served(['--host', '192.0.2.1']);
    await assert.rejects(named, (error) => {
      assert.ok(error instanceof PortError);
      assert.deepEqual(error.options, ['host']);
      return true;
    });
    other.close();
  });

  test('a schema is for PostgreSQL, by the flag as by the variable', async () => {
    const message = 'A SQLite file has no schemas: leave out the schema';
    await assert.rejects(served(['--schema', 'chat']), { message });
    await assert.rejects(served([], { JIMS_SCHEMA: 'chat' }), { message });
  });

  test('a database that cannot be used is one line that does not show its password', async () => {
    using folder = folderWith({ 'app.js': ECHO });
    for (const [url, why] of [
      ['mysql://x', /use sqlite:\/\/\/file\.db or postgresql:/],
      ['sqlite:////dev/null/x.db', /'\/dev\/null\/x\.db'/],
      ['sqlite:///100%.db', /write % as %25/],
      [`sqlite:///${folder.path}/app.js`, /app\.js' .*file is not a database/],
      [`sqlite:///${folder.path}`, /it is a folder/],
      ['postgresql://someone:secret@127.0.0.1:1/x', /127\.0\.0\.1:1\/x does not answer/],
      ['postgresql://[', /URL cannot be read/],
      ['someone:secret@db/x', /Cannot tell which database/],
      ['postgresql+asyncpg://u:secret@127.0.0.1:1/x?ssl=require', /does not answer/],
      ['postgresql://u:secret@127.0.0.1:1/x?sslmode=verify-ca', /sslrootcert=FILE/],
    ] as const) {
      await assert.rejects(openStore(url), (error) => {
        assert.ok(isJimsError(error), url);
        assert.match(error.message, why);
        assert.match(error.message, /^.+$/, url);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
    }
  });

  test('what is said about a database is printed, and the exit code is 1', async () => {
    using folder = folderWith({ 'app.js': ECHO });
    const url = 'postgresql://someone:secret@127.0.0.1:1/x';
    const { code, stderr } = await runCommand(['--db', url], { cwd: folder.path });
    assert.equal(code, 1);
    assert.match(stderr, /^jims-api: .*127\.0\.0\.1:1\/x does not answer.*\n$/);
    assert.doesNotMatch(stderr, /secret/);
  });
});
