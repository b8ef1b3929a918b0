// What a call of the tool says.
import type { JsonObject, RunThread } from 'jims-core';

import { userEvent } from '../../chat/messages.ts';
import { namedThread } from '../../chat/named-thread.ts';
import { fileAt, inlineFile } from '../../chat/sent-files.ts';
import type { SentFile } from '../../chat/sent-files.ts';
import type { ClientRunRequest } from '../../chat/start-run.ts';
import { contactInQuery, contactOf, nobody } from '../../http/contact.ts';
import { fieldError, parseBody } from '../../http/fastapi/validation.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';
import { TOOL, ToolArguments } from './tool.ts';

const MAX_TOKEN = 1024;

/** @throws HttpError for another tool. */
export function argumentsOf({ name, arguments: args = {} }: JsonObject): unknown {
  if (name === TOOL) return args;
  // As JSON: a client's object may not be convertible to a string.
  const wanted = (JSON.stringify(name) ?? 'without a name').slice(0, 100);
  throw rpcFailure('invalid_params', `There is no tool ${wanted}`);
}

/** Whether a client reads Server-Sent Events. */
export function readsStreams({ request }: Call): boolean {
  return /\btext\/event-stream\b|\*\/\*/.test(request.headers.get('accept') ?? '');
}

/** Decodes the arguments. Without a session only a closed connection can stop the run. */
export function decodeCall(
  api: ApiContext,
  call: Call,
  { args, session }: { readonly args: unknown; readonly session: string | undefined },
): ClientRunRequest {
  const { message, thread_id, contact_id, files } = parseBody(ToolArguments, withoutBlanks(args));
  const contactId = contactOf(call, contactInQuery(call) ?? contact_id ?? undefined);
  const thread: RunThread =
    typeof thread_id === 'string'
      ? namedThread(api, call, { threadId: thread_id, contactId })
      : {
          kind: 'new',
          contactId: contactId ?? nobody(`mcp:${session ?? call.principal.id}`),
          threadConfig: { interface: 'mcp' },
          events: [],
        };
  return {
    thread,
    incoming: userEvent(message),
    sentFiles: files?.map(fileInBlock),
    onDisconnect: session === undefined ? 'cancel_unless_keyed' : 'continue',
  };
}

/** Models send empty strings for what they should leave out. */
function withoutBlanks(args: unknown): unknown {
  if (!isJsonObject(args)) return args;
  const { message, ...rest } = args;
  const filled = Object.entries(rest).filter(([, value]) => value !== '');
  return { ...(message !== undefined && { message }), ...Object.fromEntries(filled) };
}

/** The token by which a client wants to hear of progress. */
export function tokenIn({ _meta: meta }: JsonObject): string | number | undefined {
  const token = isJsonObject(meta) ? meta['progressToken'] : undefined;
  // Every status repeats it.
  if (typeof token === 'string') return token.length <= MAX_TOKEN ? token : undefined;
  return typeof token === 'number' ? token : undefined;
}

// Files in the arguments of a tool call: the content blocks of MCP.

const MEMBER = 'files';
/** Of a longer one the beginning is looked at. */
const MAX_URI = 2000;

/** @throws HttpError 422 for a block that is not a file, or is at another address. */
function fileInBlock(block: JsonObject): SentFile {
  const { type, data, resource } = block;
  const named = namedIn(block);
  if (type === 'image' || type === 'audio') return inlineFile(data, named);
  if (type === 'resource_link') return fileAt(block['uri'], named);
  if (type === 'resource' && isJsonObject(resource)) return fileInResource(resource);
  const reason = 'a file must be content of type image, audio, resource or resource_link';
  throw fieldError(MEMBER, block, reason);
}

function fileInResource(resource: JsonObject): SentFile {
  const named = namedIn(resource);
  const { text, blob } = resource;
  if (typeof text !== 'string') return inlineFile(blob, named);
  const file = inlineFile('', { ...named, mediaType: named.mediaType ?? 'text/plain' });
  return { ...file, content: Buffer.from(text) };
}

/** A block has no name as files have: the end of its address is the next best. */
function namedIn({ name, uri, mimeType }: JsonObject): {
  readonly member: string;
  readonly name: string | undefined;
  readonly mediaType: string | undefined;
} {
  const [path = ''] = typeof uri === 'string' ? uri.slice(0, MAX_URI).split(/[?#]/, 1) : [];
  const end = path.slice(path.lastIndexOf('/') + 1) || undefined;
  return {
    member: MEMBER,
    name: typeof name === 'string' ? name : end,
    mediaType: typeof mimeType === 'string' ? mimeType : undefined,
  };
}
