import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider';

import { invalidInput } from '../failures/errors.ts';
import { membersOf, objectOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';

/** A part of a message, in OpenAI's form. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url';
      readonly image_url: {
        /** A web address, or `data:image/…;base64,…`. */
        readonly url: string;
        readonly detail?: 'auto' | 'low' | 'high';
      };
    }
  | {
      readonly type: 'input_audio';
      /** `data` is base64. */
      readonly input_audio: { readonly data: string; readonly format: 'wav' | 'mp3' };
    }
  | {
      readonly type: 'file';
      /** Either `file_data` as `data:application/pdf;base64,…`, or the id of a file at the provider. */
      readonly file: {
        readonly file_data?: string;
        readonly file_id?: string;
        readonly filename?: string;
      };
    }
  | { readonly type: 'refusal'; readonly refusal: string };

/** A part of a message of the user. */
export type UserPart = LanguageModelV4TextPart | LanguageModelV4FilePart;

/** The member that holds the text of a part. `input_text` and `output_text` are of the Responses API. */
const TEXT_MEMBERS: Readonly<Record<string, string>> = {
  text: 'text',
  input_text: 'text',
  output_text: 'text',
  refusal: 'refusal',
};
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+=-]+)*;base64,(.*)$/s;

/**
 * The text of a message that can only be text. Each part is a line of its own.
 *
 * @throws JimsError `llm_input_invalid` for a part that is not text.
 */
export function textOf(content: unknown, role: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return partsIn(content, role)
    .map((part) => {
      const text = textIn(part);
      if (text !== undefined) return text;
      throw invalidInput(`A message of role '${role}' can only be text, not ${nameOf(part)}`);
    })
    .join('\n');
}

/**
 * The parts of a user's message.
 *
 * @param provider The provider that an id of a file belongs to.
 * @throws JimsError `llm_input_invalid` for a part that no model takes.
 */
export function userParts(content: unknown, provider: string): UserPart[] {
  if (content === null || content === undefined) return [{ type: 'text', text: '' }];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return partsIn(content, 'user').map((part) => userPart(part, provider));
}

function userPart(part: Members, provider: string): UserPart {
  const text = textIn(part);
  if (text !== undefined) return { type: 'text', text };
  switch (part['type']) {
    case 'image_url':
      return image(membersOf(part['image_url']));
    case 'input_audio':
      return audio(membersOf(part['input_audio']));
    case 'file':
      return file(membersOf(part['file']), provider);
    default:
      throw invalidInput(`A message has ${nameOf(part)}, which no model takes`);
  }
}

function image({ url, detail }: Members): LanguageModelV4FilePart {
  if (typeof url !== 'string') throw invalidInput('An image_url needs a url');
  // OpenAI's own package and the one for compatible servers read `detail` from different options.
  const options = typeof detail === 'string' && {
    providerOptions: {
      openai: { imageDetail: detail },
      openaiCompatible: { image_url: { url, detail } },
    },
  };
  const inline = inlineFile(url);
  if (inline?.mediaType.startsWith('image/')) return { ...inline, ...options };
  const address = URL.parse(url);
  if (!address) {
    throw invalidInput('The url of an image_url must be a web address, or data:image/…;base64,…');
  }
  return { type: 'file', mediaType: 'image/*', data: { type: 'url', url: address }, ...options };
}

function audio({ data, format }: Members): LanguageModelV4FilePart {
  if (typeof data !== 'string' || (format !== 'wav' && format !== 'mp3')) {
    throw invalidInput("An input_audio needs data in base64, and the format 'wav' or 'mp3'");
  }
  const mediaType = format === 'wav' ? 'audio/wav' : 'audio/mpeg';
  return { type: 'file', mediaType, data: { type: 'data', data } };
}

function file(
  { file_data: data, file_id: id, filename }: Members,
  provider: string,
): LanguageModelV4FilePart {
  if (typeof id === 'string') {
    const reference = { [provider]: id };
    return { type: 'file', mediaType: 'application/pdf', data: { type: 'reference', reference } };
  }
  const inline = inlineFile(data);
  if (!inline) {
    throw invalidInput('A file needs a file_id, or file_data as data:application/pdf;base64,…');
  }
  return { ...inline, ...(typeof filename === 'string' && { filename }) };
}

/** The file in a data URL; `undefined` for anything else. */
function inlineFile(url: unknown): LanguageModelV4FilePart | undefined {
  const [, mediaType, data] = (typeof url === 'string' && DATA_URL.exec(url)) || [];
  if (mediaType === undefined || data === undefined) return undefined;
  return { type: 'file', mediaType, data: { type: 'data', data } };
}

function textIn(part: Members): string | undefined {
  const { type } = part;
  const member = typeof type === 'string' ? TEXT_MEMBERS[type] : undefined;
  const text = member === undefined ? undefined : part[member];
  return typeof text === 'string' ? text : undefined;
}

function partsIn(content: unknown, role: string): readonly Members[] {
  const where = `The content of a message of role '${role}'`;
  if (!Array.isArray(content)) throw invalidInput(`${where} must be a string or an array of parts`);
  return content.map((part) => {
    const object = objectOf(part);
    if (object) return object;
    throw invalidInput(`${where} has a part that is not an object`);
  });
}

function nameOf({ type }: Members): string {
  return typeof type === 'string' ? `a part of type '${type}'` : 'a part without a type';
}
