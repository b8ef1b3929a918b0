import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isJimsError } from '../../../src/errors/jims-error.ts';
import { openStore } from '../../../src/store/open-store.ts';
import { readAddress } from '../../../src/store/postgres/address.ts';

test('a URL is read as libpq, SQLAlchemy and Prisma write it', () => {
  for (const [url, expected, description] of [
    ['postgresql://u@h/db', { user: 'u', host: 'h', database: 'db' }, 'h/db'],
    ['PostgreSQL+AsyncPG://u@h:6543/db', { user: 'u', host: 'h', port: 6543 }, 'h:6543/db'],
    ['postgres://u:a%40b%2Fc%3Ad@h/db', { password: 'a@b/c:d', host: 'h' }, 'h/db'],
    ['postgres://u:a@b:c@h/db', { password: 'a@b:c', host: 'h' }, 'h/db'],
    ['postgres://u:100%@h/db', { password: '100%', host: 'h' }, 'h/db'],
    ['postgres://u@[::1]:5433/db', { host: '::1', port: 5433 }, '[::1]:5433/db'],
    ['postgres://u@[::1]/db', { host: '::1' }, '[::1]/db'],
    ['postgresql:///db?user=a@b&password=x@y', { user: 'a@b', password: 'x@y' }, 'localhost/db'],
    ['postgresql://h?dbname=db', { host: 'h', database: 'db' }, 'h/db'],
    ['postgresql://u@/db?host=h:6543', { host: 'h', port: 6543 }, 'h:6543/db'],
    [
      'postgresql://u:p@/db?host=/cloudsql/p:r:i',
      { host: '/cloudsql/p:r:i' },
      '/cloudsql/p:r:i/db',
    ],
    ['postgresql://u@%2Frun%2Fpg:6543/db', { host: '/run/pg', port: 6543 }, '/run/pg/db'],
    ['postgresql:///db?host=/run/.s.PGSQL.6543', { host: '/run', port: 6543 }, '/run/db'],
    ['postgresql:///db?unix_sock=/run/.s.PGSQL.6543', { host: '/run', port: 6543 }, '/run/db'],
    ['postgresql://h/db?options=-c%20x%3D1', { options: '-c x=1' }, 'h/db'],
    ['postgresql://h/db?statement_timeout=9', { statement_timeout: 9 }, 'h/db'],
    ['postgresql://h/db', { application_name: 'jims' }, 'h/db'],
    ['postgresql://h/db?application_name=chat', { application_name: 'chat' }, 'h/db'],
  ] as const) {
    const address = readAddress(url);
    assert.partialDeepStrictEqual(address.config, expected, url);
    assert.equal(address.description, `PostgreSQL ${description}`, url);
  }
  const { schema, maxConnections } = readAddress('postgresql://h/db?schema=chat&max=3');
  assert.deepEqual([schema, maxConnections], ['chat', 3]);
});

test('PGPORT is the port of a URL without one, and anything else in it is refused', () => {
  const before = process.env['PGPORT'];
  try {
    for (const port of ['tcp://10.0.0.1:5432', '99999', '54.5', ' ']) {
      process.env['PGPORT'] = port;
      assert.throws(() => readAddress('postgresql://h/db'), /PGPORT is not the number/, port);
      assert.equal(readAddress('postgresql://h:6543/db').config.port, 6543);
    }
    process.env['PGPORT'] = '6544';
    assert.equal(readAddress('postgresql://h/db').description, 'PostgreSQL h:6544/db');
  } finally {
    if (before === undefined) delete process.env['PGPORT'];
    else process.env['PGPORT'] = before;
  }
});

test('a number in a URL that nothing can be made of is refused, and not ignored', () => {
  for (const query of ['max=0', 'max=1.5', 'max=ten', 'statement_timeout=30s', 'lock_timeout=-1']) {
    const [name = ''] = query.split('=');
    const fault = new RegExp(`The parameter ${name} of the PostgreSQL URL must be a whole number`);
    assert.throws(() => readAddress(`postgresql://h/db?${query}`), fault, query);
  }
  const { config } = readAddress('postgresql://h/db?statement_timeout=30000&lock_timeout=0');
  assert.deepEqual([config.statement_timeout, config.lock_timeout], [30_000, 0]);
});

test('several hosts are refused, as only one is taken', () => {
  for (const url of [
    'postgresql://u:p@h1:5432,h2:5432/db?target_session_attrs=read-write',
    'postgresql://u:p@/db?host=h1,h2',
    'postgresql://u:p@/db?host=h1:5432&host=h2:5432',
  ]) {
    assert.throws(() => readAddress(url), /several hosts, and JIMS takes one/, url);
  }
});

test('a URL that cannot be read is refused without a word of its password', async () => {
  for (const url of [
    'postgresql:/u:topsecret@h/db',
    'u:topsecret@h/db',
    'jims:topsecret@db/jims',
    'postgres:jims:topsecret@db/jims',
    'host=h user=u password=topsecret dbname=d',
    'postgres+foo-bar://u:top@topsecret@h/db',
    'mysql://jims:s3c@topsecret@db/jims',
    'sqlite://u:topsecret@h/db',
    'postgresql://jims:12/topsecret@127.0.0.1:1/jims',
    'postgresql://jims:12?topsecret@127.0.0.1:1/jims',
    'postgresql://jims:12?x=topsecret@127.0.0.1:1/jims',
    'postgresql://jims:12#topsecret@127.0.0.1:1/jims',
    'postgresql://jims:1@topsecret/x@127.0.0.1:1/jims',
    'postgresql://jims:topsecret@127.0.0.1:port/jims',
    'postgresql://jims:topsecret@127.0.0.1:99999/jims',
    'postgresql://jims:topsecret@[::1/jims',
    'postgresql://jims:topsecret@h h/jims',
  ]) {
    await assert.rejects(
      openStore(url),
      (error) => {
        assert.ok(isJimsError(error) && error.code === 'store_invalid', String(error));
        assert.doesNotMatch(error.message, /topsecret/);
        assert.match(error.message, /postgresql:\/\//, 'it shows the form that is right');
        return true;
      },
      url,
    );
  }
});
