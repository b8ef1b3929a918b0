// How large the parts of a request may be that are kept: the body as a whole may hold a long history.
import { HttpError } from '../http/errors.ts';

/** Limits of an API, in bytes. */
export interface SentSizes {
  /** Of one message, as UTF-8. */
  readonly maxMessageBytes: number;
  /** Of a thread's config or of metadata, as JSON. */
  readonly maxConfigBytes: number;
}

/** The longest UTF-8 of one UTF-16 unit. */
const BYTES_PER_UNIT = 3;

/** @throws HttpError 413 `message_too_large` for a new message that is longer than may be. */
export function requireMessageSize(
  { maxMessageBytes }: Pick<SentSizes, 'maxMessageBytes'>,
  message: string,
): void {
  if (message.length * BYTES_PER_UNIT <= maxMessageBytes) return;
  if (Buffer.byteLength(message) <= maxMessageBytes) return;
  throw new HttpError(413, `The message is larger than ${maxMessageBytes} bytes`, {
    code: 'message_too_large',
  });
}

/** @throws HttpError 413 `config_too_large` for a config or metadata that is larger than may be. */
export function requireConfigSize(
  { maxConfigBytes }: Pick<SentSizes, 'maxConfigBytes'>,
  config: object,
): void {
  if (Buffer.byteLength(JSON.stringify(config)) <= maxConfigBytes) return;
  throw new HttpError(413, `The config or metadata is larger than ${maxConfigBytes} bytes`, {
    code: 'config_too_large',
  });
}
