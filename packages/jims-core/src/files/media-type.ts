// What a file is, by its bytes, and whether that agrees with what its sender says.
import { JimsError } from '../errors/jims-error.ts';

/** So many bytes from the beginning tell what a file is. */
export const HEAD_BYTES: number = 64 * 1024;

/** The type of bytes of which nothing is known. */
const UNKNOWN = 'application/octet-stream';
const PLAIN = 'text/plain';

/** What is known of a file when all of it was read. */
export interface ReadFile {
  /** The type that its first bytes are of; see {@link typeOfHead}. */
  readonly found: string | undefined;
  /** Whether all of it is UTF-8 without NUL. */
  readonly isText: boolean;
  /** The type that its sender says. */
  readonly declared: string | undefined;
  readonly name: string;
}

/** Other names of types, which senders use. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['application/javascript', 'text/javascript'],
  ['application/x-gzip', 'application/gzip'],
  ['application/x-javascript', 'text/javascript'],
  ['application/x-pdf', 'application/pdf'],
  ['application/x-zip-compressed', 'application/zip'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['audio/x-flac', 'audio/flac'],
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/x-wav', 'audio/wav'],
  ['image/jpg', 'image/jpeg'],
  ['image/pjpeg', 'image/jpeg'],
  ['image/vnd.microsoft.icon', 'image/x-icon'],
  ['image/x-ms-bmp', 'image/bmp'],
  ['text/rtf', 'application/rtf'],
  ['text/xml', 'application/xml'],
  ['video/avi', 'video/vnd.avi'],
  ['video/x-matroska', 'video/matroska'],
  ['video/x-msvideo', 'video/vnd.avi'],
]);

/** Formats that hold other formats: what is in them may show only after the first bytes. */
const HOLDERS: readonly { readonly holder: RegExp; readonly held: RegExp }[] = [
  {
    holder: /^application\/zip$/,
    held: /^application\/(?:java-archive|vnd\.|[\w.+-]+\+zip$)|^model\/3mf$/,
  },
  { holder: /^application\/x-cfb$/, held: /^application\/(?:msword|vnd\.)/ },
  { holder: /^application\/xml$/, held: /xml$|^text\// },
  {
    holder: /^(?:audio|video)\/(?:mp4|quicktime|3gpp2?|x-m4v)$/,
    held: /^(?:audio|video)\/(?:mp4|quicktime|3gpp2?|x-m4v|aac)$/,
  },
  { holder: /^video\/(?:matroska|webm)$/, held: /^(?:audio|video)\/(?:matroska|webm)$/ },
  {
    holder: /^(?:application|audio|video)\/ogg$/,
    held: /^(?:application|audio|video)\/(?:ogg|opus)$/,
  },
  { holder: /^image\/(?:apng|png)$/, held: /^image\/(?:apng|png)$/ },
  { holder: /^application\/gzip$/, held: /^application\/[\w.-]*(?:gzip|tar|tgz)$/ },
];

const TEXT =
  /^text\/|^message\/|[+/](?:json|xml|yaml|javascript|x-ndjson|jsonl|x-yaml|toml|sql|graphql|csv|x-sh|x-httpd-php|typescript)$/;
/** Types whose files a sniffer knows, so that one which it does not know is not of that type. */
const SNIFFED = /^(?:image|audio|video|font)\/|^application\/(?:pdf|zip|gzip)$/;
/** Formats that may be text from end to end, and are found in their first bytes all the same. */
const TEXT_FORMATS = /^text\/|^application\/(?:pdf|xml|rtf|postscript|eps)$/;

const TYPE_BY_ENDING: Readonly<Record<string, string>> = {
  csv: 'text/csv',
  html: 'text/html',
  htm: 'text/html',
  json: 'application/json',
  md: 'text/markdown',
  svg: 'image/svg+xml',
  tsv: 'text/tab-separated-values',
  xml: 'application/xml',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

/** A media type without its parameters, by its usual name; `undefined` for one that says nothing. */
export function usualType(declared: string | undefined): string | undefined {
  const type = declared?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === '' || type === UNKNOWN || type === 'binary/octet-stream') return undefined;
  if (type.length > 127 || !/^[a-z0-9][\w.+-]*\/[a-z0-9][\w.+-]*$/.test(type)) {
    throw refused(`'${type.slice(0, 100)}' is not a media type`);
  }
  return ALIASES.get(type) ?? type;
}

/** Finds out what the first {@link HEAD_BYTES} bytes of a file are of; `undefined` when they tell nothing. */
export async function typeOfHead(head: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type');
  // It reads what strangers made: whatever it stumbles over is of no known type.
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  const type = found?.mime.split(';', 1)[0] ?? (isPng(head) ? 'image/png' : undefined);
  return type === undefined ? undefined : (ALIASES.get(type) ?? type);
}

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The library looks for the image, which may come after the first bytes where much is said about it. */
function isPng(head: Uint8Array): boolean {
  return PNG.every((byte, at) => head[at] === byte);
}

/**
 * Decides what a file is.
 *
 * @throws JimsError `file_refused` when its bytes are not of the type that its sender says.
 */
export function mediaType(file: ReadFile): string {
  const { declared, found, isText } = file;
  if (declared === undefined) return typeWithoutWord(file);
  if (TEXT.test(declared)) {
    if (isText) return declared;
    throw refused(`The file is not ${declared}: its bytes are not UTF-8 text`);
  }
  if (found === undefined) {
    if (SNIFFED.test(declared)) throw disagrees(declared, isText ? PLAIN : undefined);
    return declared;
  }
  if (found === declared) return found;
  const isHeld = HOLDERS.some(({ holder, held }) => holder.test(found) && held.test(declared));
  if (isHeld) return declared;
  throw disagrees(declared, found);
}

/** What a file is when nobody says it. */
function typeWithoutWord({ found, isText, name }: ReadFile): string {
  // Some formats are known by two letters, with which text may begin, too.
  if (found !== undefined && (!isText || TEXT_FORMATS.test(found))) return found;
  if (!isText) return UNKNOWN;
  const ending = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return TYPE_BY_ENDING[ending] ?? PLAIN;
}

/** The type of a file whose sender is to be believed, such as the app: what they say, unless the bytes tell more. */
export function believedType(file: ReadFile): string {
  try {
    return mediaType(file);
  } catch {
    return typeWithoutWord(file);
  }
}

function disagrees(declared: string, found: string | undefined): JimsError {
  const is = found === undefined ? 'of another type' : found;
  return refused(`The file is not ${declared}, as it says: it is ${is}`);
}

function refused(message: string): JimsError {
  return new JimsError('file_refused', message);
}
