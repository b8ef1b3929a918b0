import { createHash } from 'node:crypto';

import { namesTag } from '../../http/etag.ts';
import { json } from '../../http/json-answer.ts';
import { originOrPublicUrl } from '../../http/public-address.ts';
import { route } from '../../http/route.ts';
import type { ApiContext, Call, Route } from '../../http/route.ts';
import { packageVersion } from '../../version.ts';
import { EXTENSIONS } from './extensions.ts';

const CACHE_SECONDS = 300;
const TEXT = ['text/plain'];
/** What the app takes is its own matter: which types files may have, their upload says. */
const TEXT_AND_FILES = [...TEXT, 'image/*', 'audio/*', 'video/*', 'application/*'];

/** Who the agent is and where it answers; open to everybody. */
export const cardRoute: Route = route.get(
  '/.well-known/agent-card.json',
  answerCard,
  {
    operationId: 'a2a_agent_card',
    summary: 'Who this agent is, and where it answers',
    tags: ['a2a'],
    responses: { 200: { description: 'The agent card' } },
  },
  { open: true },
);

function answerCard(api: ApiContext, call: Call): Response {
  const card = cardFor(api, call);
  const etag = `"${createHash('sha256').update(JSON.stringify(card)).digest('base64url')}"`;
  const changed = changeOf(etag);
  const headers = {
    ...call.headers,
    etag,
    'last-modified': changed.toUTCString(),
    vary: ['a2a-version', call.headers['vary']].filter(Boolean).join(', '),
    // A client that uses another name of this host gets other addresses: not for shared caches.
    'cache-control': `${api.publicUrl === undefined ? 'private' : 'public'}, max-age=${CACHE_SECONDS}`,
  };
  if (isKnown(call, etag, changed)) return new Response(null, { status: 304, headers });
  return json({ headers }, card);
}

/** Whether the client has this card. Its time counts when it does not say which card it has. */
function isKnown({ request }: Call, etag: string, changed: Date): boolean {
  const tags = request.headers.get('if-none-match');
  if (tags !== null) return namesTag(tags, etag);
  const since = Date.parse(request.headers.get('if-modified-since') ?? '');
  return changed.getTime() <= since;
}

/** When each card was first seen here, in whole seconds as HTTP has them. */
const changes = new Map<string, Date>();
/** Cards differ by the names of this host, which clients make up. */
const MAX_CARDS = 100;

function changeOf(etag: string): Date {
  const known = changes.get(etag);
  if (known) return known;
  if (changes.size >= MAX_CARDS) changes.clear();
  const now = new Date(Math.floor(Date.now() / 1000) * 1000);
  changes.set(etag, now);
  return now;
}

/** Clients of 1.0 send their version; for all others the card also has the members of 0.3. */
function cardFor(api: ApiContext, { request }: Call): object {
  const url = `${originOrPublicUrl(api, request)}/a2a`;
  const card = { ...agentCard(api, url), ...(api.secured && SECURITY) };
  return request.headers.get('a2a-version')?.startsWith('1.')
    ? card
    : { ...card, ...legacyMembers(url), ...(api.secured && LEGACY_SECURITY) };
}

const BEARER = { httpAuthSecurityScheme: { scheme: 'Bearer' } };
const SECURITY = {
  securitySchemes: { bearer: BEARER },
  securityRequirements: [{ schemes: { bearer: { list: [] } } }],
};
const LEGACY_SECURITY = {
  securitySchemes: { bearer: { type: 'http', scheme: 'Bearer', ...BEARER } },
  security: [{ bearer: [] }],
};

function legacyMembers(url: string): object {
  return { url, preferredTransport: 'JSONRPC', protocolVersion: '0.3.0' };
}

function agentCard({ app, webhooks }: ApiContext, url: string): object {
  const name = app.name ?? 'JIMS app';
  const description = app.description ?? 'Answers messages, each context a conversation';
  return {
    name,
    description,
    version: app.version ?? packageVersion(),
    supportedInterfaces: [
      { url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
      { url: `${url}/rest`, protocolBinding: 'HTTP+JSON', protocolVersion: '1.0' },
      { url, protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
    ],
    capabilities: {
      streaming: true,
      pushNotifications: webhooks !== undefined,
      extensions: EXTENSIONS,
    },
    defaultInputModes: TEXT_AND_FILES,
    defaultOutputModes: TEXT,
    skills: [{ id: 'chat', name, description, tags: ['chat'] }],
  };
}
