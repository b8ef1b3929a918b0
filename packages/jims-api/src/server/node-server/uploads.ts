import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import { FILES_PATH, UPLOAD_MS } from '../../http/timed-body.ts';

/**
 * Whether a request is a file that is still being read. Files may take longer than other requests: those
 * who read them look after the time between two pieces.
 */
export function isUpload(
  request: IncomingMessage | undefined,
  response: ServerResponse | undefined,
): boolean {
  if (request?.method !== 'POST' || response?.headersSent === true) return false;
  return isFilesPath(request.url ?? '');
}

/** Cuts a connection after the longest time that a file may take, whatever it is doing then. */
export function boundUpload(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), UPLOAD_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

function isFilesPath(url: string): boolean {
  return url.startsWith(FILES_PATH) && /^(?:\/?$|\/?\?)/.test(url.slice(FILES_PATH.length));
}
