// What Deep Chat sends when its user adds files: a form.
import { createHash } from 'node:crypto';

import { MAX_MESSAGE_FILES } from 'jims-core';

import type { InlineFile } from '../../chat/sent-files.ts';
import { MAX_MESSAGES } from '../../chat/sent-limits.ts';
import { parseJson } from '../../http/fastapi/parse-json.ts';
import { readForm } from '../../http/form.ts';
import type { Form } from '../../http/form.ts';
import { isJsonObject } from '../../http/json-object.ts';
import type { ApiContext, Call } from '../../http/route.ts';

/** Members of `additionalBodyProps` beside the messages. */
const MAX_MORE_FIELDS = 100;
const MESSAGE = /^message(\d{1,6})$/;

/** A form in the shape of the JSON that Deep Chat sends without files. */
export interface SentForm {
  readonly body: unknown;
  readonly files: readonly InlineFile[];
  /** All of it, for the fingerprint of a request that is sent again. */
  readonly whole: object;
}

/** @throws HttpError 413, 400; 422 for a message that is not JSON. */
export async function readSentForm(
  { maxBodyBytes }: Pick<ApiContext, 'maxBodyBytes'>,
  { request }: Pick<Call, 'request'>,
): Promise<SentForm> {
  const form = await readForm(request, {
    maxBytes: maxBodyBytes,
    maxFields: MAX_MESSAGES + MAX_MORE_FIELDS,
    maxFiles: MAX_MESSAGE_FILES,
  });
  const body = bodyOf(form);
  const files = form.files.map(({ name, mediaType, bytes }) => ({
    name,
    mediaType,
    content: bytes,
  }));
  const digests = files.map(({ name, content }) => [
    name,
    createHash('sha256').update(content).digest('base64'),
  ]);
  return { body, files, whole: { body, digests } };
}

function bodyOf({ fields, files }: Form): object {
  const messages = [...fields]
    .flatMap(([name, value]) => {
      const [, number] = MESSAGE.exec(name) ?? [];
      return number === undefined ? [] : [{ number: Number(number), value }];
    })
    .toSorted((a, b) => a.number - b.number)
    .map(({ value }): unknown => parseJson(value));
  const last = messages.at(-1);
  // A message without text is left out of the form.
  const isMissing = last === undefined || (isJsonObject(last) && last['role'] === 'ai');
  const isNew = isMissing && files.length > 0;
  return {
    ...Object.fromEntries([...fields].filter(([name]) => !MESSAGE.test(name) && name !== CONFIG)),
    messages: isNew ? [...messages, { role: 'user', text: '' }] : messages,
  };
}

/** Deep Chat writes an object in a form as `[object Object]`. */
const CONFIG = 'thread_config';
