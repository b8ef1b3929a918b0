import assert from 'node:assert/strict';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, Pipeline } from 'jims-core';

import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import { createApi } from '../../src/index.ts';
import type { Api, ApiOptions } from '../../src/index.ts';

/** An app behind its fetch handler, on a database of its own. */
export interface TestApi extends AsyncDisposable {
  readonly app: JimsApp;
  readonly fetch: Api;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Posts JSON; a string is sent as it is. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export type TestAppOptions = Pipeline | Omit<JimsAppOptions, 'store'>;

export function testApi(options: TestAppOptions, apiOptions: ApiOptions = {}): TestApi {
  const database = freshSqlite();
  const app = defineApp({
    ...('pipeline' in options ? options : { pipeline: options }),
    store: database.url,
  });
  const api = createApi(app, apiOptions);
  return {
    app,
    fetch: api,
    get: (path, headers = {}) => api(new Request(`http://localhost${path}`, { headers })),
    post: (path, body, headers = {}) =>
      api(
        new Request(`http://localhost${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      ),
    async [Symbol.asyncDispose]() {
      await app.close();
      database[Symbol.dispose]();
    },
  };
}

/** The frames of an event stream: names and parsed data; comments are left out. */
export function parseFrames(text: string): { event: string; data: unknown }[] {
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('event: '))
    .map((frame) => {
      const [name = '', data = ''] = frame.split('\ndata: ');
      return { event: name.slice('event: '.length), data: JSON.parse(data) };
    });
}

/** The JSON object of an answer. */
export async function jsonOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = await response.json();
  assert.ok(typeof value === 'object' && value !== null);
  return Object.fromEntries(Object.entries(value));
}
