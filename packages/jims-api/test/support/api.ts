import assert from 'node:assert/strict';

import { defineApp } from 'jims-core';
import type { JimsApp, JimsAppOptions, Pipeline, Store } from 'jims-core';

import { freshSqlite } from '../../../jims-core/test/support/sqlite.ts';
import { createApi } from '../../src/index.ts';
import type { Api, ApiOptions } from '../../src/index.ts';

/** An app behind its fetch handler, on a database of its own. */
export interface TestApi extends AsyncDisposable {
  readonly app: JimsApp;
  readonly fetch: Api;
  send(method: string, path: string, init?: RequestInit): Promise<Response>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Posts JSON; a string is sent as it is. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export type TestAppOptions = Pipeline | Omit<JimsAppOptions, 'store'>;

export function testApi(options: TestAppOptions, apiOptions: ApiOptions = {}): TestApi {
  const database = freshSqlite();
  return {
    ...testApiOn(database.url, options, apiOptions),
    async [Symbol.asyncDispose]() {
      await this.app.close();
      database[Symbol.dispose]();
    },
  };
}

/** The same on a database that is there already; several make several processes of it. */
export function testApiOn(
  store: string | Store,
  options: TestAppOptions,
  apiOptions: ApiOptions = {},
): TestApi {
  const app = defineApp({ ...('pipeline' in options ? options : { pipeline: options }), store });
  const api = createApi(app, apiOptions);
  const send = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    api(new Request(`http://localhost${path}`, { method, ...init }));
  return {
    app,
    fetch: api,
    send,
    get: (path, headers = {}) => send('GET', path, { headers }),
    post: (path, body, headers = {}) =>
      send('POST', path, {
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

export interface TestFrame {
  readonly id?: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The frames of an event stream with their data parsed; comments are left out. */
export function parseFrames(text: string): TestFrame[] {
  return text.split('\n\n').flatMap((frame) => {
    const fields = new Map(
      frame.split('\n').map((line) => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
    );
    const [id, event, data] = ['id', 'event', 'data'].map((name) => fields.get(name));
    if (event === undefined || data === undefined) return [];
    return [{ ...(id !== undefined && { id }), event, data: JSON.parse(data) }];
  });
}

/** The JSON object of an answer. */
export async function jsonOf(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const value: unknown = await response.json();
  assert.ok(typeof value === 'object' && value !== null);
  return Object.fromEntries(Object.entries(value));
}
