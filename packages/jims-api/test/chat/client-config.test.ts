import assert from 'node:assert/strict';
import { test } from 'node:test';

import { configBy, configFor } from '../../src/chat/client-config.ts';
import { SERVICE, contact } from '../support/call.ts';

const ANNA = contact('anna');

test('the config of a service is the config of the thread', () => {
  const config = { interface: 'web', plan: 'gold' };
  assert.deepEqual(configBy(SERVICE, config, 'openai'), config);
  assert.deepEqual(configBy(SERVICE, {}, 'openai'), {});
});

test('what a contact writes stands below `client`, and the interface is the protocol', () => {
  assert.deepEqual(configBy(ANNA, { plan: 'gold' }, 'openai'), {
    interface: 'openai',
    client: { plan: 'gold' },
  });
  assert.deepEqual(configBy(ANNA, {}, 'openai'), { interface: 'openai' });
  assert.deepEqual(configBy(ANNA, { interface: 'openai' }, 'openai'), { interface: 'openai' });
  assert.deepEqual(configBy(ANNA, { interface: 'telegram' }, 'openai'), {
    interface: 'openai',
    client: { interface: 'telegram' },
  });
});

test('a contact sees what contacts wrote, and a service sees all', () => {
  const config = { interface: 'openai', secret: 1, client: { plan: 'gold' } };
  assert.deepEqual(configFor(SERVICE, config), config);
  assert.deepEqual(configFor(ANNA, config), { plan: 'gold' });
  assert.deepEqual(configFor(ANNA, { secret: 1 }), {});
  assert.deepEqual(configFor(ANNA, { client: 'a string' }), {});
});
