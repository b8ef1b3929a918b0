import { JimsError } from '../errors/jims-error.ts';
import type { NewFile } from './context-files.ts';
import type { CalledTool, ToolEnd } from './message-tools.ts';

/** A part of a message, as it is understood. */
export type ReadPart =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  /** What comes next is another paragraph: of what the model thinks, or of the message, too. */
  | { readonly type: 'break'; readonly of: 'reasoning' | 'all' }
  | {
      readonly type: 'source';
      readonly url: unknown;
      readonly title: unknown;
      readonly excerpt: unknown;
    }
  | { readonly type: 'file'; readonly file: NewFile }
  | { readonly type: 'tool-call'; readonly call: CalledTool }
  /** `call` is there when the stream says it again with the result. */
  | { readonly type: 'tool-result'; readonly end: ToolEnd; readonly call?: CalledTool | undefined };

type Members = Readonly<Record<string, unknown>>;

/**
 * Reads a piece of a message: text, a `MessagePart`, or a part of the AI SDK's `fullStream`. Gives `undefined` for
 * what means nothing to a message.
 *
 * @throws JimsError `invalid_event` for a part that lacks something; what an `error` part holds.
 */
export function readPart(piece: unknown): ReadPart | undefined {
  if (typeof piece === 'string') return { type: 'text', text: piece };
  if (typeof piece !== 'object' || piece === null || !('type' in piece)) {
    throw invalid(
      'A piece of a message must be a string, or a part with a type: of what another library streams, yield the text',
    );
  }
  const part: Members = { ...piece };
  const { type } = part;
  return typeof type === 'string' && Object.hasOwn(READERS, type)
    ? READERS[type]?.(part)
    : undefined;
}

const READERS: Readonly<Record<string, (part: Members) => ReadPart | undefined>> = {
  text: (part) => ({ type: 'text', text: textOf(part) }),
  'text-delta': (part) => ({ type: 'text', text: textOf(part) }),
  reasoning: (part) => ({ type: 'reasoning', text: textOf(part) }),
  'reasoning-delta': (part) => ({ type: 'reasoning', text: textOf(part) }),
  'reasoning-end': () => ({ type: 'break', of: 'reasoning' }),
  'finish-step': () => ({ type: 'break', of: 'all' }),
  source: sourceOf,
  file: (part) => ({ type: 'file', file: fileOf(part) }),
  'tool-call': (part) => ({ type: 'tool-call', call: callOf(part) }),
  'tool-result': resultOf,
  'tool-error': (part) => endOf(part, { error: messageOf(part['error']) }),
  'tool-output-denied': (part) => endOf(part, { error: 'The call of the tool was denied' }),
  error: failed,
  abort: aborted,
};

function textOf(part: Members): string {
  const text = part['text'] ?? part['delta'];
  if (typeof text === 'string') return text;
  throw lacks(part, 'text');
}

/** Documents that a model names as sources have no address. */
function sourceOf({ url, title, excerpt, sourceType }: Members): ReadPart | undefined {
  if (url === undefined && sourceType === 'document') return undefined;
  return { type: 'source', url, title, excerpt };
}

function fileOf(part: Members): NewFile {
  const { name, mediaType, data, file } = part;
  if (isFile(file)) {
    return { name: nameFor(file.mediaType), mediaType: file.mediaType, data: file.uint8Array };
  }
  if (typeof name !== 'string') throw lacks(part, 'name');
  if (typeof mediaType !== 'string') throw lacks(part, 'mediaType');
  if (data instanceof Uint8Array || data instanceof Blob) return { name, mediaType, data };
  throw invalid("A part 'file' must have `data`, a Uint8Array or a Blob");
}

/** A file that a model of the AI SDK made. It makes its bytes when they are read. */
function isFile(
  file: unknown,
): file is { readonly mediaType: string; readonly uint8Array: Uint8Array } {
  if (typeof file !== 'object' || file === null || !('mediaType' in file)) return false;
  return (
    typeof file.mediaType === 'string' &&
    'uint8Array' in file &&
    file.uint8Array instanceof Uint8Array
  );
}

/** Such files have no names. */
function nameFor(mediaType: string): string {
  const [, kind = ''] = mediaType.split('/');
  const ending = /^[a-z0-9]{1,10}$/.test(kind) ? `.${kind.replace('jpeg', 'jpg')}` : '';
  return `${mediaType.startsWith('image/') ? 'image' : 'file'}${ending}`;
}

function callOf(part: Members): CalledTool {
  const { title, input } = part;
  const name = part['name'] ?? part['toolName'];
  if (typeof name !== 'string') throw lacks(part, 'name');
  return { id: idOf(part), name, input, ...(typeof title === 'string' && { title }) };
}

/** What a tool gives while it is still at work is left out. */
function resultOf(part: Members): ReadPart | undefined {
  const { preliminary, output, error } = part;
  if (preliminary === true) return undefined;
  return endOf(part, error === undefined ? { output } : { error: messageOf(error) });
}

function endOf(part: Members, end: Omit<ToolEnd, 'id'>): ReadPart {
  const isNamed = 'toolName' in part;
  return {
    type: 'tool-result',
    end: { id: idOf(part), ...end },
    ...(isNamed && { call: callOf(part) }),
  };
}

function idOf(part: Members): string {
  const id = part['toolCallId'] ?? part['id'];
  if (typeof id === 'string' && id !== '') return id;
  throw lacks(part, 'id');
}

function failed({ error }: Members): never {
  throw error ?? new Error('The stream of a message failed');
}

function aborted({ reason }: Members): never {
  const message = typeof reason === 'string' ? reason : 'The stream of a message was aborted';
  throw new DOMException(message, 'AbortError');
}

function messageOf(error: unknown): string {
  return Error.isError(error) ? error.message : typeof error === 'string' ? error : 'failed';
}

function lacks({ type }: Members, member: string): JimsError {
  return invalid(`A part '${String(type)}' must have \`${member}\`, a string`);
}

function invalid(message: string): JimsError {
  return new JimsError('invalid_event', message);
}
