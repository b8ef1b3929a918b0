// What is said, as the content of a tool's result.
import type { MessageFile, MessageSource, NewEvent } from 'jims-core';

import type { FileAddress } from '../../chat/file-address.ts';
import { filesOf, sourcesOf } from '../../chat/message-members.ts';
import { assistantText } from '../../chat/messages.ts';
import { embeddedContent } from './embedded-files.ts';
import type { Embedded, EmbeddedContent } from './embedded-files.ts';

interface ResourceLink {
  readonly type: 'resource_link';
  readonly uri: string;
  readonly name: string;
  readonly description?: string;
  readonly mimeType?: string;
  readonly size?: number;
}

type Content = ResourceLink | EmbeddedContent | { readonly type: 'text'; readonly text: string };

export interface ContentOptions {
  readonly addressOf: FileAddress;
  /** Whether the client knows links and audio as content; for others links are text. */
  readonly knowsLinks: boolean;
}

/** A message of the assistant: its text, its sources, its files; nothing of other events. */
export function contentOf(
  event: NewEvent,
  embedded: Embedded,
  { addressOf, knowsLinks }: ContentOptions,
): Content[] {
  const text = assistantText(event);
  if (text === undefined) return [];
  // Some clients refuse the whole result for an address that is not a whole one.
  const linked = (link: ResourceLink): Content =>
    knowsLinks && URL.canParse(link.uri) ? link : linkAsText(link);
  return [
    ...(text === '' ? [] : [{ type: 'text', text } as const]),
    ...sourcesOf(event).map((source) => linked(linkToSource(source))),
    ...filesOf(event).flatMap((file) => {
      const link = linkToFile(file, addressOf);
      const found = embedded.get(file.file_id);
      const content = found && embeddedContent(link.uri, found);
      if (!content || (content.type === 'audio' && !knowsLinks)) return [linked(link)];
      // A resource has its address; of an image or a sound the link says what it is.
      return content.type === 'resource' ? [content] : [linked(link), content];
    }),
  ];
}

function linkToSource({ url, title, excerpt }: MessageSource): ResourceLink {
  return {
    type: 'resource_link',
    uri: url,
    name: title ?? url,
    ...(excerpt !== undefined && { description: excerpt }),
  };
}

function linkToFile(file: MessageFile, addressOf: FileAddress): ResourceLink {
  const { file_id: id, name, media_type: mimeType, size } = file;
  return { type: 'resource_link', uri: addressOf(id), name, mimeType, size };
}

function linkAsText({ uri, name, description }: ResourceLink): Content {
  const head = name === uri ? uri : `${name}: ${uri}`;
  return { type: 'text', text: description === undefined ? head : `${head}\n${description}` };
}
