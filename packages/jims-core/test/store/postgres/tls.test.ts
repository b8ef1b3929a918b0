import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { openStore } from '../../../src/store/open-store.ts';

const CERTIFICATES = new URL('../../support/certificates/', import.meta.url);
const AUTHORITY = fileURLToPath(new URL('ca.pem', CERTIFICATES));
const ANOTHER = fileURLToPath(new URL('other-ca.pem', CERTIFICATES));
const [ENCRYPTED, PLAIN] = ['reached encrypted', 'reached plain'];
/** The certificate is for `localhost`, by an authority that nobody knows. */
const UNKNOWN = /unable to verify.*sslrootcert=FILE.*sslmode=require/;

for (const [parameters, host, expected] of [
  ['', 'localhost', PLAIN],
  ['?sslmode=disable', 'localhost', PLAIN],
  ['?ssl=disable', 'localhost', PLAIN],
  ['?ssl=false', 'localhost', PLAIN],
  ['?sslmode=allow', 'localhost', PLAIN],
  ['?sslmode=prefer', 'localhost', ENCRYPTED],
  ['?ssl=prefer', 'localhost', ENCRYPTED],
  ['?sslmode=require', 'localhost', ENCRYPTED],
  ['?ssl=require', 'localhost', ENCRYPTED],
  ['?sslmode=no-verify', 'localhost', ENCRYPTED],
  ['?sslmode=verify-full', 'localhost', UNKNOWN],
  ['?ssl=verify-full', 'localhost', UNKNOWN],
  ['?ssl=true', 'localhost', UNKNOWN],
  ['?sslmode=verify-full&sslrootcert=system', 'localhost', UNKNOWN],
  ['?sslrootcert=system', 'localhost', UNKNOWN],
  [`?sslmode=verify-full&sslrootcert=${AUTHORITY}`, 'localhost', ENCRYPTED],
  [`?sslmode=verify-full&sslrootcert=${AUTHORITY}`, '127.0.0.1', /altnames.*sslmode=verify-ca/],
  [`?sslmode=verify-ca&sslrootcert=${AUTHORITY}`, '127.0.0.1', ENCRYPTED],
  [`?sslmode=require&sslrootcert=${AUTHORITY}`, '127.0.0.1', ENCRYPTED],
  [`?sslmode=require&sslrootcert=${ANOTHER}`, 'localhost', UNKNOWN],
  [`?sslmode=verify-ca&sslrootcert=${ANOTHER}`, 'localhost', UNKNOWN],
  [`?sslmode=prefer&sslrootcert=${ANOTHER}`, 'localhost', ENCRYPTED],
  ['?sslmode=verify-ca', 'localhost', /verify-ca needs.*sslrootcert=FILE/],
  ['?sslmode=require&sslrootcert=system', 'localhost', /use sslmode=verify-full/],
  ['?sslmode=require&sslrootcert=/not/here.pem', 'localhost', /sslrootcert.*\/not\/here\.pem/],
  [
    '?sslmode=verify-ca&sslrootcert=/dev/null',
    'localhost',
    /sslrootcert has no certificate in PEM/,
  ],
  ['?sslmode=sometimes', 'localhost', /sslmode.*verify-full/],
] as const) {
  test(`TLS with ${host} and "${parameters.replaceAll(/\/\S*\//g, '')}"`, async () => {
    await using server = await startServer(true);
    const url = `postgresql+asyncpg://u@${host}:${server.port}/db${parameters}`;
    await assert.rejects(openStore(url), { message: asPattern(expected) });
  });
}

test('without TLS on the server, prefer goes on without it, and require says so', async () => {
  await using server = await startServer(false);
  const url = `postgresql://u@localhost:${server.port}/db`;
  await assert.rejects(openStore(`${url}?sslmode=prefer`), { message: asPattern(PLAIN) });
  await assert.rejects(openStore(`${url}?sslmode=require`), { message: /SSL.*sslmode=disable/ });
});

test('a server that wants TLS gets it, also when the URL does not say so', async () => {
  await using server = await startServer(true, { refusesPlain: true });
  const url = `postgresql://u@localhost:${server.port}/db`;
  await assert.rejects(openStore(url), { message: asPattern(ENCRYPTED) });
  await assert.rejects(openStore(`${url}?sslmode=disable`), { message: /no encryption/ });
});

test('the variables of libpq are used where the URL says nothing', async () => {
  await using server = await startServer(true);
  const url = `postgresql://u@localhost:${server.port}/db`;
  process.env['PGSSLMODE'] = 'verify-full';
  try {
    await assert.rejects(openStore(url), { message: UNKNOWN });
    process.env['PGSSLROOTCERT'] = AUTHORITY;
    await assert.rejects(openStore(url), { message: asPattern(ENCRYPTED) });
    await assert.rejects(openStore(`${url}?sslmode=disable`), { message: asPattern(PLAIN) });
    // What Compose makes of a variable that is not set, and the end of the file of a secret.
    process.env['PGSSLROOTCERT'] = '';
    process.env['PGSSLMODE'] = 'require\n';
    await assert.rejects(openStore(url), { message: asPattern(ENCRYPTED) });
  } finally {
    delete process.env['PGSSLMODE'];
    delete process.env['PGSSLROOTCERT'];
  }
});

function asPattern(expected: string | RegExp): RegExp {
  return typeof expected === 'string' ? new RegExp(expected) : expected;
}

const SSL_REQUEST = 80_877_103;

interface TlsServer extends AsyncDisposable {
  readonly port: number;
}

/** The beginning of a PostgreSQL server: it agrees on TLS or not, and then says how it was reached. */
async function startServer(
  hasTls: boolean,
  { refusesPlain = false }: { refusesPlain?: boolean } = {},
): Promise<TlsServer> {
  const [key, cert] = ['server.key', 'server.pem'].map((name) =>
    readFileSync(new URL(name, CERTIFICATES), 'utf8'),
  );
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', (data) => {
      if (data.readInt32BE(4) !== SSL_REQUEST) {
        refuse(socket, refusesPlain ? ['28000', 'no encryption'] : ['3D000', PLAIN]);
        return;
      }
      socket.write(hasTls ? 'S' : 'N');
      if (!hasTls) {
        socket.once('data', () => refuse(socket, ['3D000', PLAIN]));
        return;
      }
      const encrypted = new TLSSocket(socket, { isServer: true, key, cert });
      encrypted.on('error', () => {});
      encrypted.once('data', () => refuse(encrypted, ['3D000', ENCRYPTED]));
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function refuse(socket: Socket, [state, message]: readonly [string, string]): void {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  socket.end(Buffer.concat([head, fields]));
}
