// A conversation as one small item, which clients send back in its stead. It is compressed, and holds
// nothing but what the client said, so it is neither secret nor signed: it counts as those items do.
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';

import { newId } from 'jims-core';
import * as v from 'valibot';

import { MAX_MESSAGES } from '../../../chat/sent-limits.ts';
import { HttpError } from '../../../http/errors.ts';
import { parseJson } from '../../../http/fastapi/parse-json.ts';
import { list } from '../../../http/list.ts';
import { described, titled } from '../../../http/schema.ts';
import { openAiId } from '../shared/ids.ts';
import { Item, isPrompt, isReference, isSaid } from './input.ts';

/** What begins with it was made here, in this form. */
const FORM = 'jims1.';
/** Half as many bytes as of plain text, at a speed of tens of megabytes a second. */
const QUALITY = 5;

const compress = promisify(brotliCompress);
const decompress = promisify(brotliDecompress);

const Items = list(Item, MAX_MESSAGES);

export const CompactionResource = titled('Compaction', {
  id: v.string(),
  type: v.literal('compaction'),
  encrypted_content: described(v.string(), 'The conversation'),
});

/**
 * Everything in some items that an app would get, as one item: messages, prompts, and where the
 * conversation goes on that they name. Reasoning and calls of tools are left out, as in any input.
 *
 * @throws HttpError 413 when that is more than `maxBytes`: no request could have it in its input.
 */
export async function compacted(
  items: readonly Item[],
  maxBytes: number,
): Promise<v.InferOutput<typeof CompactionResource>> {
  const plain = Buffer.from(JSON.stringify(keptOf(items)));
  if (plain.byteLength > maxBytes) throw tooLarge(maxBytes);
  const params = { [constants.BROTLI_PARAM_QUALITY]: QUALITY };
  const bytes = await compress(plain, { params });
  const encrypted_content = FORM + bytes.toString('base64url');
  return { id: openAiId('cmp', newId()), type: 'compaction', encrypted_content };
}

/** What is said after a reference is all that counts then. */
export function keptOf(items: readonly Item[]): Item[] {
  const kept = items.filter((item) => isPrompt(item) || isSaid(item) || isReference(item));
  return kept.slice(Math.max(0, kept.findLastIndex(isReference)));
}

/**
 * Items with those of compactions in place of them. A prompt that is sent itself counts more than one that
 * was compacted.
 *
 * @throws HttpError 400 `invalid_encrypted_content` for a compaction that was not made here, 413 when all of
 * them have more than `maxBytes`.
 */
export async function expanded(items: readonly Item[], maxBytes: number): Promise<readonly Item[]> {
  if (!items.some(isCompaction)) return items;
  const hasPrompt = items.some(isPrompt);
  const all: Item[] = [];
  let left = maxBytes;
  for (const item of items) {
    if (isCompaction(item)) {
      const { bytes, found } = await itemsOf(item, left, maxBytes);
      left -= bytes;
      all.push(...found.filter((each) => !hasPrompt || !isPrompt(each)));
    } else {
      all.push(item);
    }
    if (all.length > MAX_MESSAGES) throw tooMany();
  }
  return all;
}

export function isCompaction({ type }: Item): boolean {
  return type === 'compaction';
}

async function itemsOf(
  { encrypted_content: content }: Item,
  left: number,
  maxBytes: number,
): Promise<{ readonly bytes: number; readonly found: readonly Item[] }> {
  if (!content?.startsWith(FORM)) throw notOurs();
  const packed = Buffer.from(content.slice(FORM.length), 'base64url');
  const plain = await unpacked(packed, left, maxBytes);
  const result = v.safeParse(Items, parsed(plain.toString()));
  if (!result.success) throw notOurs();
  return { bytes: plain.byteLength, found: result.output };
}

async function unpacked(packed: Buffer, left: number, maxBytes: number): Promise<Buffer> {
  try {
    return await decompress(packed, { maxOutputLength: Math.max(1, left) });
  } catch (cause) {
    // It has more than is left.
    throw cause instanceof RangeError ? tooLarge(maxBytes) : notOurs(cause);
  }
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw notOurs(cause);
  }
}

function notOurs(cause?: unknown): HttpError {
  const reason =
    'The encrypted_content of a compaction in the input cannot be read: send it as /v1/responses/compact of this service gave it';
  return new HttpError(400, reason, { code: 'invalid_encrypted_content', cause });
}

function tooLarge(maxBytes: number): HttpError {
  const sentence = `The input is larger than ${maxBytes} bytes, with what its compactions stand for`;
  return new HttpError(413, sentence, { code: 'input_too_large' });
}

function tooMany(): HttpError {
  const sentence = `The input has more than ${MAX_MESSAGES} items, with those of its compactions`;
  return new HttpError(400, sentence, { code: 'too_many_items' });
}
