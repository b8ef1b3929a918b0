// Files in the messages of clients, as their protocols write them.
import { setImmediate } from 'node:timers/promises';

import { HttpError } from '../http/errors.ts';
import { canonicalUuid } from '../http/fastapi/uuid.ts';
import { fieldError } from '../http/fastapi/validation.ts';

/** The most characters before the comma of a data URL. */
const MAX_DATA_HEAD = 500;
const MAX_ADDRESS = 2000;
/** So many characters of base64 are decoded at once; whole groups of four. */
const PIECE = 256 * 1024;

/** A file of a message: one that is stored, or its bytes, which come in the message. */
export type SentFile = StoredFile | InlineFile;

export interface StoredFile {
  readonly fileId: string;
  /** Whether it was stored for this message: then it goes when the message is refused. */
  readonly isNew?: boolean;
}

export interface InlineFile {
  /** As base64, or as they are. */
  readonly content: string | Uint8Array;
  readonly name: string | undefined;
  /** As the client says. */
  readonly mediaType: string | undefined;
}

/** What a part of a message says about its file. */
interface NamedFile {
  /** The member of the body, for errors. */
  readonly member: string;
  readonly name?: string | undefined;
  readonly mediaType?: string | undefined;
}

/** Our own address of a file, whatever the host is by which the client reaches the service. */
const OWN_ADDRESS = /\/api\/v1\/files\/([0-9a-f-]{36})\/?(?:[?#].*)?$/i;
const ADDRESS = /^(?:https?:\/\/|\/)/i;

/**
 * The file at an address: a data URL with its bytes, or the address of a stored file. No other address is
 * fetched.
 *
 * @throws HttpError 422
 */
export function fileAt(url: unknown, { member, ...named }: NamedFile): SentFile {
  if (typeof url !== 'string')
    throw fieldError(member, url, 'the address of a file must be a string');
  if (/^data:/i.test(url)) return fileInDataUrl(url, { member, ...named });
  const stored = storedAt(url);
  if (stored) return stored;
  throw fieldError(
    member,
    url,
    `${NOT_FETCHED}: send the file as data:<type>;base64,…, ${OR_UPLOAD}`,
  );
}

/** Why a file at any other address is refused, and what to do. */
export const NOT_FETCHED = 'files at other addresses are not fetched';
export const OR_UPLOAD = 'or upload it by POST /api/v1/files and send its address';

/** The stored file that has this address; `undefined` for any other address. */
export function storedAt(url: string): StoredFile | undefined {
  // A longer one could keep the expression busy for seconds.
  const isAddress = url.length <= MAX_ADDRESS && ADDRESS.test(url);
  const [, id] = (isAddress && OWN_ADDRESS.exec(url)) || [];
  const fileId = id && canonicalUuid(id);
  return fileId ? { fileId } : undefined;
}

/** @throws HttpError 422 for an id that no file can have. */
export function storedFile(id: unknown, member: string): StoredFile {
  const fileId = typeof id === 'string' ? canonicalUuid(id.replace(/^file[_-]/, '')) : undefined;
  if (fileId) return { fileId };
  const reason = 'this is not the id of a file: upload it by POST /api/v1/files';
  throw fieldError(member, id, reason);
}

/** A file whose bytes come as base64. @throws HttpError 422 */
export function inlineFile(base64: unknown, { member, name, mediaType }: NamedFile): InlineFile {
  if (typeof base64 === 'string') return { content: base64, name, mediaType: plainType(mediaType) };
  throw fieldError(member, base64, 'the data of a file must be base64');
}

function fileInDataUrl(url: string, { member, name, mediaType }: NamedFile): InlineFile {
  const head = url.slice('data:'.length, MAX_DATA_HEAD);
  const comma = head.indexOf(',');
  const isBase64 = comma >= 0 && /;\s*base64\s*$/i.test(head.slice(0, comma));
  if (!isBase64) throw fieldError(member, url, 'a data URL must be data:<type>;base64,…');
  const [type = ''] = head.slice(0, comma).split(';', 1);
  const content = url.slice('data:'.length + comma + 1);
  return { content, name, mediaType: plainType(type) ?? plainType(mediaType) };
}

/** The files of an earlier message, which another service may have taken: without those that we do not. */
export function readable<T>(parts: readonly T[], read: (part: T) => SentFile): SentFile[] {
  return parts.flatMap((part) => {
    try {
      return [read(part)];
    } catch (error) {
      if (error instanceof HttpError) return [];
      throw error;
    }
  });
}

/** A type without its parameters; `undefined` for one that says nothing, such as `image/*`. */
function plainType(type: string | undefined): string | undefined {
  const plain = type?.split(';', 1)[0]?.trim().toLowerCase();
  return plain === undefined || plain === '' || plain.includes('*') ? undefined : plain;
}

/** The name of a file that has none: what it is, with an ending. */
export function nameOf({ name, mediaType = 'application/octet-stream' }: InlineFile): string {
  if (name !== undefined && name.trim() !== '') return name;
  const [kind = '', format = ''] = mediaType.split('/');
  const ending = ENDINGS[mediaType] ?? (/^[a-z0-9]{1,8}$/.test(format) ? format : 'bin');
  return `${KINDS.has(kind) ? kind : 'file'}.${ending}`;
}

const KINDS: ReadonlySet<string> = new Set(['image', 'audio', 'video']);
const ENDINGS: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpg',
  'image/svg+xml': 'svg',
  'audio/mpeg': 'mp3',
  'text/plain': 'txt',
  'text/markdown': 'md',
};

const BASE64 = /^[\w+/-]*={0,2}$/;

/**
 * How many bytes a file is.
 *
 * @throws HttpError 422 `file_not_base64` for base64 with anything else in it. A long one is read in
 * pieces, between which others get a turn.
 */
export async function sizeOf({ content, name }: InlineFile): Promise<number> {
  if (typeof content !== 'string') return content.byteLength;
  const padding = ['==', '='].find((end) => content.endsWith(end)) ?? '';
  const digits = content.length - padding.length;
  for (let at = 0; at < content.length; at += PIECE) {
    const piece = content.slice(at, at + PIECE);
    const isLast = at + PIECE >= content.length;
    if (!BASE64.test(piece) || (!isLast && piece.endsWith('='))) throw notBase64(name);
    if (!isLast) await setImmediate();
  }
  if (digits % 4 === 1) throw notBase64(name);
  return Math.floor((digits * 3) / 4);
}

/** The bytes of a file, in pieces, between which others get a turn. */
export async function* bytesOf({ content }: InlineFile): AsyncGenerator<Uint8Array, void, void> {
  if (typeof content !== 'string') return yield content;
  for (let at = 0; at < content.length; at += PIECE) {
    if (at > 0) await setImmediate();
    yield Buffer.from(content.slice(at, at + PIECE), 'base64');
  }
}

function notBase64(name: string | undefined): HttpError {
  const file = name === undefined ? 'A file' : `The file '${name}'`;
  return new HttpError(422, `${file} is not valid base64`, { code: 'file_not_base64' });
}
