// The public names of the package, all of them: a new name has to be added here, too.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { exportedNames } from '../../jims-core/test/support/exported-names.ts';

test('jims-api exports these names and no others', async () => {
  const values = ['CLIENT_EVENT_TYPES', 'HttpError', 'PortError', 'createApi', 'serve'];
  const types = [
    'Api',
    'ApiOptions',
    'Authenticate',
    'AuthentikOptions',
    'OidcOptions',
    'Principal',
    'ProtocolName',
    'ServeOptions',
    'Service',
    'ServiceLogger',
  ];
  assert.deepEqual(Object.keys(await import('jims-api')).toSorted(), values);
  assert.deepEqual(exportedNames(new URL('../src/index.ts', import.meta.url)), { values, types });
});
