import type { LanguageModelV4FilePart, LanguageModelV4TextPart } from '@ai-sdk/provider';

import { invalidInput } from '../failures/errors.ts';

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

type UserPart = LanguageModelV4TextPart | LanguageModelV4FilePart;

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

type Part = Readonly<Record<string, unknown>>;

function userPart(part: Part, provider: string): UserPart {
  const text = textIn(part);
  if (text !== undefined) return { type: 'text', text };
  switch (part['type']) {
    case 'image_url':
      return image(objectIn(part, 'image_url'));
    case 'input_audio':
      return audio(objectIn(part, 'input_audio'));
    case 'file':
      return file(objectIn(part, 'file'), provider);
    default:
      throw invalidInput(`A message has ${nameOf(part)}, which no model takes`);
  }
}

function image({ url, detail }: Part): LanguageModelV4FilePart {
  if (typeof url !== 'string') throw invalidInput('An image_url needs a url');
  // OpenAI's own package and the one for compatible servers read `detail` from different options.
  const options = typeof detail === 'string' && {
    providerOptions: {
      openai: { imageDetail: detail },
      openaiCompatible: { image_url: { url, detail } },
    },
  };
  const inline = DATA_URL.exec(url);
  if (inline?.[1]?.startsWith('image/') && inline[2] !== undefined) {
    return {
      type: 'file',
      mediaType: inline[1],
      data: { type: 'data', data: inline[2] },
      ...options,
    };
  }
  const address = URL.parse(url);
  if (!address)
    throw invalidInput('The url of an image_url must be a web address, or data:image/…;base64,…');
  return { type: 'file', mediaType: 'image/*', data: { type: 'url', url: address }, ...options };
}

function audio({ data, format }: Part): LanguageModelV4FilePart {
  if (typeof data !== 'string' || (format !== 'wav' && format !== 'mp3')) {
    throw invalidInput("An input_audio needs data in base64, and the format 'wav' or 'mp3'");
  }
  const mediaType = format === 'wav' ? 'audio/wav' : 'audio/mpeg';
  return { type: 'file', mediaType, data: { type: 'data', data } };
}

function file(
  { file_data: data, file_id: id, filename }: Part,
  provider: string,
): LanguageModelV4FilePart {
  const named = typeof filename === 'string' && { filename };
  if (typeof id === 'string') {
    const reference = { [provider]: id };
    return { type: 'file', mediaType: 'application/pdf', data: { type: 'reference', reference } };
  }
  const inline = typeof data === 'string' ? DATA_URL.exec(data) : null;
  if (inline?.[1] === undefined || inline[2] === undefined) {
    throw invalidInput('A file needs a file_id, or file_data as data:application/pdf;base64,…');
  }
  return {
    type: 'file',
    mediaType: inline[1],
    data: { type: 'data', data: inline[2] },
    ...named,
  };
}

function textIn(part: Part): string | undefined {
  const { type } = part;
  const member = typeof type === 'string' ? TEXT_MEMBERS[type] : undefined;
  const text = member === undefined ? undefined : part[member];
  return typeof text === 'string' ? text : undefined;
}

function partsIn(content: unknown, role: string): readonly Part[] {
  const parts: readonly unknown[] | undefined = Array.isArray(content) ? content : undefined;
  if (!parts)
    throw invalidInput(
      `The content of a message of role '${role}' must be a string or an array of parts`,
    );
  const problem = `The content of a message of role '${role}' has a part that is not an object`;
  return parts.map((part) => objectOrThrow(part, problem));
}

function objectIn(part: Part, member: string): Part {
  return objectOrThrow(part[member], `A part of type '${member}' needs an object ${member}`);
}

function objectOrThrow(value: unknown, problem: string): Part {
  if (typeof value === 'object' && value !== null) return { ...value };
  throw invalidInput(problem);
}

function nameOf({ type }: Part): string {
  return typeof type === 'string' ? `a part of type '${type}'` : 'a part without a type';
}
