// Variables that somebody else sets, variables that are misspelt, and hosts as people write them.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';

import { defineApp } from 'jims-core';

import { UsageError, parseCommandLine } from '../../../src/cli/options/options.ts';
import { serve } from '../../../src/server/serve.ts';
import { folderWith, serveCommand } from '../../support/command.ts';
import { recorder } from '../../support/recorder.ts';

const APP = { 'app.js': "export const app = (ctx) => ctx.sendMessage('Hello');\n" };

describe('variables', { concurrency: 2 }, () => {
  test('that Kubernetes sets for a service of that name are ignored, with a warning', () => {
    const env = {
      JIMS_PORT: 'tcp://10.0.171.239:8080',
      JIMS_METRICS_PORT: 'udp://10.0.171.240:8000',
      JIMS_MAX_RUNS: 'tcp://10.0.171.241:80',
      JIMS_SERVICE_HOST: '10.0.171.239',
      JIMS_SERVICE_PORT: '8080',
      JIMS_PORT_8080_TCP: 'tcp://10.0.171.239:8080',
      JIMS_PORT_8080_TCP_PROTO: 'tcp',
    };
    const command = parseCommandLine([], env, '1.0.0');
    assert.ok(command.kind === 'serve');
    assert.equal(command.options.port, 8080);
    assert.deepEqual(
      command.warnings.toSorted(),
      ['max-runs', 'metrics-port', 'port'].map((name) => {
        const variable = `JIMS_${name.replace('-', '_').toUpperCase()}` as keyof typeof env;
        return `${variable}=${env[variable]} is ignored: Kubernetes sets it for a service of that name. Set enableServiceLinks: false in the pod's spec, or give --${name}`;
      }),
    );
  });

  test('with an address in a flag, or another address, are still refused', () => {
    for (const [args, env] of [
      [['--port', 'tcp://10.0.0.1:80'], {}],
      [[], { JIMS_PORT: 'http://10.0.0.1:80' }],
    ] as const) {
      assert.throws(
        () => parseCommandLine(args, env, '1.0.0'),
        /Invalid value for '--port': '.*' is not a valid integer\.$/,
      );
    }
  });

  test('that are nearly those of an option are named, without their value', async () => {
    using folder = folderWith({ ...APP, '.env': 'jims_api_key=s3cret\n' });
    const env = { JIMS_API_KEYS: 's3cret', JIMS_DB_CON_URI: 's3cret', JIMS_OF_OTHERS: 's3cret' };
    await using service = await serveCommand([], { cwd: folder.path, env });
    const warnings = service.log.flatMap((line) => {
      const { level, msg } = Object(JSON.parse(line));
      return level === 40 ? [String(msg)] : [];
    });
    assert.deepEqual(warnings.toSorted(), [
      'JIMS_API_KEYS is not an option: did you mean JIMS_API_KEY?',
      'JIMS_DB_CON_URI is not an option: did you mean JIMS_DB_CONN_URI?',
      'jims_api_key is not an option: did you mean JIMS_API_KEY?',
    ]);
    assert.doesNotMatch(service.log.join('\n'), /s3cret/);
  });
});

describe('a host', { concurrency: 2 }, () => {
  const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === '::1'),
  );

  test('may have the brackets of a URL', { skip: !hasIPv6 && 'needs IPv6' }, async () => {
    for (const [host, metricsHost] of [
      ['[::]', '127.0.0.1'],
      ['127.0.0.1', '[::1]'],
      ['[::1]', '[127.0.0.1]'],
    ] as const) {
      const args = ['--host', host, '--metrics-host', metricsHost, '--port=0', '--metrics-port=0'];
      const command = parseCommandLine([...args, '--db=sqlite::memory:'], {}, '1.0.0');
      assert.ok(command.kind === 'serve');
      const { logger, lines } = recorder();
      const options = { ...command.options, logger, signals: false };
      await using service = await serve(
        defineApp(() => {}),
        options,
      );
      assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
      const listening = lines.find(({ message }) => message === 'listening');
      assert.partialDeepStrictEqual(listening?.fields, { host: host.replaceAll(/[[\]]/g, '') });
    }
  });

  for (const host of ['0.0.0.0:8080', '[::]:8080', 'http://0.0.0.0', '*', '', 'a b']) {
    test(`'${host}' is refused`, () => {
      const refused = `\nError: Invalid value for '--host': '${host}' is not an address such as 0.0.0.0, [::] or localhost. The port has an option of its own.`;
      assert.throws(
        () => parseCommandLine(['--host', host], {}, '1.0.0'),
        (error) => error instanceof UsageError && error.message.endsWith(refused),
      );
    });
  }
});
