import { CLIENT_EVENT_TYPES, HttpError, createApi, serve } from 'jims-api';
import type { Api, ApiOptions, Authenticate, Principal, ProtocolName, Service } from 'jims-api';
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

export async function serves(): Promise<string> {
  const protocols: readonly ProtocolName[] = ['mcp', 'openai-chat'];
  const allowedEventTypes = [...CLIENT_EVENT_TYPES, '!crm.*'];
  await using service: Service = await serve(app, { port: 0, protocols, allowedEventTypes });
  // An address of the environment may be missing.
  await serve(app, { metricsPort: false, store: process.env['CHAT_DB'], limits: { maxRuns: 7 } });
  // @ts-expect-error the service decides itself when it drains
  await serve(app, { isDraining: () => false });
  // @ts-expect-error `true` is not a port
  await serve(app, { metricsPort: true });
  return service.url;
}
