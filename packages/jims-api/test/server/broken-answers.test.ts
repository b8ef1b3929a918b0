import assert from 'node:assert/strict';
import { mock, test } from 'node:test';

import { JimsError, defineApp, openStore } from 'jims-core';
import type { FileStore, Store } from 'jims-core';

import { serve } from '../../src/index.ts';
import { recorder } from '../support/recorder.ts';
import { chat } from '../support/served-app.ts';

const gone = (): JimsError => new JimsError('store_unavailable', 'it is gone');

/** A store that loses its connection when the runs of a thread are read. */
function losingRuns(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'listRuns') return () => Promise.reject(gone());
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function losingFiles({ fileStore }: Store): FileStore {
  return {
    description: 'a place that is lost',
    write: (id, pieces) => fileStore.write(id, pieces),
    async *read() {
      yield new Uint8Array(1000);
      throw gone();
    },
    remove: (ids) => fileStore.remove(ids),
    check: async () => {},
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

test('an answer whose source is lost breaks off, and only the log says why', async () => {
  const printed = mock.method(console, 'error', () => {});
  const { logger, lines } = recorder();
  const store = await openStore('sqlite::memory:');
  const files = losingFiles(store);
  const app = defineApp({ pipeline: () => {}, store: losingRuns(store), files });
  const ports = { host: '127.0.0.1', port: 0, metricsPort: false } as const;
  await using service = await serve(app, { ...ports, signals: false, logger });
  const contact = { 'x-jims-contact-id': 'c' };
  await chat(service.url, 'Hi');
  const sent = await fetch(`${service.url}/api/v1/files`, {
    method: 'POST',
    headers: { ...contact, 'content-type': 'text/plain' },
    body: 'x'.repeat(2000),
  });
  const { file_id: fileId } = Object(await sent.json());
  for (const path of [`files/${fileId}`, 'contacts/c/export']) {
    const answer = await fetch(`${service.url}/api/v1/${path}`, { headers: contact });
    assert.equal(answer.status, 200);
    await assert.rejects(answer.text());
    const requestId = answer.headers.get('x-request-id');
    const line = lines.findLast(({ message }) => message === 'the answer broke off');
    assert.partialDeepStrictEqual(line?.fields, { requestId, error: { message: 'it is gone' } });
  }
  assert.equal(printed.mock.callCount(), 0);
  printed.mock.restore();
});
