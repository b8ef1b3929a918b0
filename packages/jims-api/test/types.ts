import { HttpError, createApi } from 'jims-api';
import type { Api, ApiOptions, Authenticate, Principal } from 'jims-api';
// What the types of the package promise. Nothing here runs: `npm run check` compiles it.
import { defineApp } from 'jims-core';
import type { Principal as CorePrincipal } from 'jims-core';

const app = defineApp((ctx) => ctx.sendMessage('Hello'));

export async function mounts(): Promise<Response> {
  const api: Api = createApi(app);
  const fetchHandler: (request: Request) => Response | Promise<Response> = api;
  return fetchHandler(new Request('http://localhost/healthz'));
}

export function options(): readonly ApiOptions[] {
  const authenticate: Authenticate = async ({ headers }) => {
    if (headers.has('x-down')) throw new HttpError(503, 'Authentication is unavailable');
    const contactId = headers.get('authorization');
    return contactId === null ? undefined : { kind: 'contact', id: contactId, contactId };
  };
  createApi(app, { authenticate });
  // @ts-expect-error options are spelt right
  createApi(app, { authentication: authenticate });
  // @ts-expect-error a pipeline is not an app: defineApp makes one
  createApi(() => {});
  // @ts-expect-error a contact has a name
  const nobody: Principal = { kind: 'contact', id: 'token' };
  const principal: CorePrincipal = nobody;
  return [{ authenticate: async () => principal }, {}];
}
