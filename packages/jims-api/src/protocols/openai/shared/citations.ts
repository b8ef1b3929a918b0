import type { MessageFile, MessageSource, NewEvent } from 'jims-core';

import type { FileAddress } from '../../../chat/file-address.ts';
import { filesOf, sourcesOf } from '../../../chat/message-members.ts';
import { assistantText } from '../../../chat/messages.ts';

/** A source or a file of a message: OpenAI's clients show both as links. */
export interface Citation {
  readonly url: string;
  readonly title: string;
  /** What the file is; left out for a source. */
  readonly file?: MessageFile;
}

/** The sources of a message of the assistant, then its files; none for other events. */
export function citationsOf(event: NewEvent, addressOf: FileAddress): Citation[] {
  if (assistantText(event) === undefined) return [];
  return [
    ...sourcesOf(event).map(citationOfSource),
    ...filesOf(event).map((file) => citationOfFile(file, addressOf)),
  ];
}

export function citationOfSource({ url, title }: MessageSource): Citation {
  return { url, title: title ?? url };
}

export function citationOfFile(file: MessageFile, addressOf: FileAddress): Citation {
  const { file_id, name, media_type, size } = file;
  return { url: addressOf(file_id), title: name, file: { file_id, name, media_type, size } };
}

/** Where a citation is in its message: after this much of the text. */
export function positionAfter(text: string): { start_index: number; end_index: number } {
  return { start_index: text.length, end_index: text.length };
}
