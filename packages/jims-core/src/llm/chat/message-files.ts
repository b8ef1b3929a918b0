// The files that messages name, as parts for a model.
import type { LanguageModelV4FilePart } from '@ai-sdk/provider';

import { filesOfMessage } from '../../thread/message.ts';
import type { MessageFile } from '../../thread/message.ts';
import { invalidInput } from '../failures/errors.ts';
import type { FileBytes } from '../file-bytes.ts';
import { membersOf, objectOf } from '../foreign-json.ts';
import { isTextType, takesType } from '../providers/file-types.ts';

/** Of a longer text file the model gets the beginning. */
const MAX_TEXT_BYTES = 256 * 1024;

/** A file for the model: itself, the text in it, or a note about it. */
export type SentFile = LanguageModelV4FilePart | string;

/** The files for the model, by the message that names them. */
export type SentFiles = ReadonlyMap<object, readonly SentFile[]>;

/** The model, and what may be sent to it. */
export interface FileTarget {
  /** As the app named it, for errors. */
  readonly name: string;
  /** The types of files that it takes, such as `image/png` and `audio/*`. */
  readonly files: readonly string[];
  /** The most bytes of files in one request. */
  readonly maxFileBytes: number;
  /** `undefined` where nothing can load files. */
  readonly bytes: FileBytes | undefined;
}

/**
 * Loads the files that messages name, the newest ones first, as long as there is room. The others become
 * notes with their names, and so does a file that is gone, that an older message names and the model
 * does not take, or that the assistant sent: no provider takes that one back.
 *
 * @throws JimsError `llm_input_invalid` for a file of the user's newest message that the model does not
 * take, or that there is no room for.
 */
export async function sentFiles(
  messages: readonly unknown[],
  target: FileTarget,
): Promise<SentFiles> {
  const planned = [...plan(messages, target)];
  const loaded = planned.map(async ([message, files]) => {
    const sent = await Promise.all(files.map((file) => load(file, target.bytes)));
    return [message, sent] as const;
  });
  return new Map(await Promise.all(loaded));
}

/** Which files are to be loaded, and what is said about the others. */
function plan(
  messages: readonly unknown[],
  target: FileTarget,
): ReadonlyMap<object, readonly (MessageFile | string)[]> {
  const planned = new Map<object, readonly (MessageFile | string)[]>();
  const newest = messages.findLast((message) => membersOf(message)['role'] === 'user');
  const room = new Room(target.maxFileBytes);
  for (const message of messages.toReversed()) {
    const members = membersOf(message);
    const object = objectOf(message);
    // What has no form of a file is ignored, as other members of messages are.
    const files = filesOfMessage(members);
    if (!object || files.length === 0) continue;
    const decided = files.map((file) => {
      if (members['role'] !== 'user') return note(file, 'sent by the assistant');
      const why = reasonAgainst(file, target, room);
      if (why !== undefined && message === newest) throw refused(file, why, target);
      return why === undefined ? file : note(file, SHORT[why]);
    });
    planned.set(object, decided);
  }
  return planned;
}

type Reason = 'type' | 'room' | 'no_loader';

const SHORT: Readonly<Record<Reason, string>> = {
  type: 'which this model cannot read',
  room: 'no longer sent along',
  no_loader: 'not available here',
};

function reasonAgainst(
  { media_type: type, size }: MessageFile,
  { files, bytes }: FileTarget,
  room: Room,
): Reason | undefined {
  if (!bytes) return 'no_loader';
  const isText = isTextType(type);
  if (!isText && !takesType(files, type)) return 'type';
  return room.take(isText ? Math.min(size, MAX_TEXT_BYTES) : size) ? undefined : 'room';
}

function refused(
  { name, media_type: type, size }: MessageFile,
  why: Reason,
  { name: model, files, maxFileBytes }: FileTarget,
): Error {
  const file = `the file '${name}' (${type}, ${size} bytes)`;
  if (why === 'room') {
    return invalidInput(
      `Model ${model} is not sent ${file}: the files of a request may be ${maxFileBytes} bytes together. Set MODEL_MAX_FILE_BYTES, or maxFileBytes of the call`,
    );
  }
  if (why === 'no_loader') {
    return invalidInput(
      `Model ${model} is not sent ${file}: files can be read by ctx.llm alone, or with loadFile in the options of forRun`,
    );
  }
  const taken = ['text', ...files].join(', ');
  return invalidInput(
    `Model ${model} does not take ${file}: it takes ${taken}. Choose another model; or, if it does take such files, set MODEL_FILES or the setting files to the types that it takes`,
  );
}

/** How many bytes there is room for: none after the first file that does not fit. */
class Room {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    const fits = bytes <= this.#left;
    this.#left = fits ? this.#left - bytes : -1;
    return fits;
  }
}

/** @param file A string is a note already. */
async function load(file: MessageFile | string, bytes: FileBytes | undefined): Promise<SentFile> {
  if (typeof file === 'string') return file;
  const { file_id: id, media_type: mediaType, name: filename } = file;
  const loaded = await bytes?.of(id);
  if (!loaded) return note(file, 'which is not there any more');
  if (isTextType(mediaType)) return textOf(file, loaded);
  // As base64, which the packages need: they make it byte by byte.
  const data = Buffer.from(loaded.buffer, loaded.byteOffset, loaded.byteLength).toString('base64');
  return { type: 'file', mediaType, filename, data: { type: 'data', data } };
}

/** As far as it is sent, without half a character at the end. */
function textOf(file: MessageFile, bytes: Uint8Array): string {
  const isCut = bytes.byteLength > MAX_TEXT_BYTES;
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_TEXT_BYTES), { stream: isCut });
  return `${note(file, isCut ? `its first ${MAX_TEXT_BYTES} bytes` : undefined)}\n${text}`;
}

function note({ name, media_type: type }: MessageFile, about?: string): string {
  return `[File ${JSON.stringify(name)}, ${type}${about === undefined ? '' : `, ${about}`}]`;
}
