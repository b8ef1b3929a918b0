import type { FileRecord } from 'jims-core';

import { countedContact } from '../../chat/start-run.ts';
import { byteRange } from '../../http/byte-range.ts';
import { attachment } from '../../http/content-disposition.ts';
import { namesTag } from '../../http/etag.ts';
import type { ApiContext, Call } from '../../http/route.ts';

/**
 * Answers with the bytes of a file, or a part of them, as fast as they are read. What strangers have sent
 * must not act as a page of this service: no browser shows it, guesses at it, or lets it run anything.
 *
 * @throws JimsError `file_gone`; HttpError 416, 429, 503.
 */
export async function fileAnswer(api: ApiContext, call: Call, file: FileRecord): Promise<Response> {
  const { request } = call;
  const etag = `"${file.digest}"`;
  const headers = {
    ...call.headers,
    etag,
    'accept-ranges': 'bytes',
    // Each time it is asked whether the caller may still have it.
    'cache-control': 'private, no-cache',
    'content-disposition': attachment(file.name),
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  };
  if (namesTag(request.headers.get('if-none-match'), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const range = byteRange(request.headers, { size: file.size, etag });
  const { start, end } = range ?? { start: 0, end: file.size };
  const whole = {
    ...headers,
    'content-type': typeOf(file),
    'content-length': String(end - start),
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${file.size}` }),
  };
  const status = range ? 206 : 200;
  if (request.method === 'HEAD') return new Response(null, { status, headers: whole });
  // Who reads by a signed address is not known, and a service reads for the contact.
  const leave = api.streams.enter(countedContact(call, file));
  const body = await openBody(call, api.app.files.read(file, { start, end }), leave);
  return new Response(body, { status, headers: whole });
}

/** The first piece is read before the answer begins: then it is known that the bytes are there. */
async function openBody(
  { request: { signal }, brokeOff }: Call,
  pieces: AsyncGenerator<Uint8Array, void, void>,
  leave: () => void,
): Promise<ReadableStream<Uint8Array>> {
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', onAbort);
    leave();
    await pieces.return();
  };
  const onAbort = (): void => void close().catch(() => {});
  signal.addEventListener('abort', onAbort, { once: true });
  let next: IteratorResult<Uint8Array, void>;
  try {
    next = await pieces.next();
  } catch (error) {
    await close();
    throw error;
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (next.done === true) {
          await close();
          controller.close();
          return;
        }
        controller.enqueue(next.value);
        next = await pieces.next().catch(async (error: unknown) => {
          await close();
          if (!brokeOff(error)) throw error;
          return { done: true, value: undefined } as const;
        });
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

/** Text is UTF-8: that was looked at when it came. */
function typeOf({ mediaType }: FileRecord): string {
  return mediaType.startsWith('text/') ? `${mediaType}; charset=utf-8` : mediaType;
}
