import type { Text } from '../fastapi/json-pieces.ts';

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const LINE_BREAK = /\r\n|[\r\n]/g;

/** One Server-Sent Event; `data` is text, encoded as its protocol wants it. */
export interface SseFrame {
  readonly id?: string | number;
  readonly event?: string;
  readonly data: Text;
}

/** The text of a frame. Throws a TypeError for an id or event name that is not a plain word. */
export function frameText(frame: SseFrame): string {
  if (typeof frame.data !== 'string') return [...framePieces(frame)].join('');
  return `${beginning(frame)}${inLines(frame.data)}\n\n`;
}

/** The same text in pieces, made lazily. */
export function* framePieces(frame: SseFrame): Generator<string> {
  yield beginning(frame);
  if (typeof frame.data === 'string') yield inLines(frame.data);
  else for (const piece of frame.data) yield inLines(piece);
  yield '\n\n';
}

function beginning({ id, event }: SseFrame): string {
  const idLine = id === undefined ? '' : `id: ${typeof id === 'number' ? id : requireName(id)}\n`;
  return event === undefined ? `${idLine}data: ` : `${idLine}event: ${requireName(event)}\ndata: `;
}

function inLines(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(LINE_BREAK, '\ndata: ') : text;
}

function requireName(name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`An id or event name of a stream must match ${NAME}`);
}
