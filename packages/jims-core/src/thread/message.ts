import type { JsonObject } from './event.ts';

/**
 * A file of a message, as its event keeps it: a member of `files` in the data of a `comm.*` event. Its
 * bytes are in the app's file store, under its id.
 */
export interface MessageFile {
  readonly file_id: string;
  readonly name: string;
  /** Such as `image/png`, found out from its bytes. */
  readonly media_type: string;
  /** In bytes. */
  readonly size: number;
}

/** The files that the data of a `comm.*` event names. */
export function filesOfMessage({ files }: JsonObject): readonly MessageFile[] {
  return Array.isArray(files) ? files.filter(isMessageFile) : [];
}

function isMessageFile(value: unknown): value is MessageFile {
  if (typeof value !== 'object' || value === null) return false;
  const { file_id: id, name, media_type: type, size }: Record<string, unknown> = { ...value };
  return [id, name, type].every((each) => typeof each === 'string') && typeof size === 'number';
}

/** Where something in a message comes from: a member of `sources` in the data of a `comm.*` event. */
export interface MessageSource {
  readonly url: string;
  readonly title?: string;
  /** The part of it that matters. */
  readonly excerpt?: string;
}

/** Sets the title of a thread: `{ title }`, a string, or null for the title that it has by itself. */
export const THREAD_TITLED = 'jims.thread.titled';
/** What a contact thinks of a message: `{ message_id, value, comment?, tags? }`. */
export const FEEDBACK_GIVEN = 'feedback.given';
/** Takes a feedback back: `{ message_id }`. */
export const FEEDBACK_WITHDRAWN = 'feedback.withdrawn';
