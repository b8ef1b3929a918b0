import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';

const STDERR = 2;
const TRY_AGAIN_MS = 50;
const LAST_LINES_MS = 1000;

/** Where the log goes: standard error, without waiting for the program that reads it. */
export interface LogOutput {
  write(line: string): void;
  /** Resolves when everything is written, after a second at most. */
  flush(): Promise<void>;
}

/**
 * Writes lines in the background. A reader that is gone, or that stands still, keeps neither the
 * service nor its end: what it does not take is lost with it.
 */
export function createLogOutput(): LogOutput {
  const fd = withoutBlocking(STDERR);
  let waiting = '';
  let bytes: Buffer = Buffer.alloc(0);
  let isWriting = false;
  /** The pipe is full: nothing is being written, although there is something to write. */
  let isPaused = false;
  let isGone = false;
  let whenFlushed = Promise.withResolvers<void>();

  function send(): void {
    if (bytes.length === 0) {
      bytes = Buffer.from(waiting);
      waiting = '';
    }
    if (bytes.length === 0) {
      isWriting = false;
      whenFlushed.resolve();
      return;
    }
    isWriting = true;
    isPaused = false;
    write(fd, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        isPaused = true;
        setTimeout(send, TRY_AGAIN_MS).unref();
      } else if (error) {
        giveUp();
      } else {
        bytes = bytes.subarray(written);
        send();
      }
    });
  }

  function giveUp(): void {
    isGone = true;
    isPaused = false;
    waiting = '';
    whenFlushed.resolve();
  }

  /** What is being written at this moment gets there by itself. */
  function writeTheRest(): void {
    try {
      const rest = Buffer.concat([...(isPaused ? [bytes] : []), Buffer.from(waiting)]);
      for (let from = 0; from < rest.length;) from += writeSync(fd, rest, from);
    } catch {
      // The reader is gone, or stands still.
    }
  }

  process.once('exit', writeTheRest);
  return {
    write(line) {
      if (isGone) return;
      waiting += line;
      if (isWriting) return;
      whenFlushed = Promise.withResolvers();
      send();
    },
    async flush() {
      if (!isWriting || isGone) return;
      const late = setTimeout(giveUp, LAST_LINES_MS);
      await whenFlushed.promise;
      clearTimeout(late);
    },
  };
}

/**
 * A write to a full pipe waits for its reader, and a process does not end before its writes do. Opened
 * once more, this end of the pipe has a flag of its own against that, which other programs with the
 * same pipe do not see.
 */
function withoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}
