import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';

const STDERR = 2;
const TRY_AGAIN_MS = 50;
const LAST_LINES_MS = 1000;
/** Lines of this time are written together: a write costs more than all that is in it. */
const COLLECT_MS = 10;
/** Characters that wait for a reader that has stopped reading, or a disk that is full; further lines are lost. */
const MAX_WAITING = 16 * 1024 * 1024;
/** Later the same may be written: the pipe or the disk is full. */
const MAY_PASS: ReadonlySet<string | undefined> = new Set(['EAGAIN', 'ENOSPC', 'EDQUOT']);

/**
 * Writes log lines to standard error in the background. A reader that is gone, or has stopped reading,
 * delays neither the service nor its end: the lines that it does not take are lost.
 */
class LogOutput {
  readonly #fd = withoutBlocking(STDERR);
  #waiting = '';
  #bytes: Buffer = Buffer.alloc(0);
  /** Something is being written, or will be soon. */
  #isWriting = false;
  #collecting: NodeJS.Timeout | undefined;
  /** The pipe or the disk is full: nothing is being written, although there is something to write. */
  #isPaused = false;
  #isGone = false;
  #flushed = Promise.withResolvers<void>();

  constructor() {
    process.once('exit', () => this.#writeRest());
  }

  write(line: string): void {
    if (this.#isGone || this.#waiting.length + line.length > MAX_WAITING) return;
    this.#waiting += line;
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#flushed = Promise.withResolvers();
    this.#sendSoon();
  }

  async flush(): Promise<void> {
    if (!this.#isWriting || this.#isGone) return;
    if (this.#collecting) this.#send();
    const timer = setTimeout(() => this.#giveUp(), LAST_LINES_MS);
    await this.#flushed.promise;
    clearTimeout(timer);
  }

  /** A process that ends before that writes the lines as it exits. */
  #sendSoon(): void {
    this.#collecting = setTimeout(() => this.#send(), COLLECT_MS).unref();
  }

  #send(): void {
    clearTimeout(this.#collecting);
    this.#collecting = undefined;
    if (this.#bytes.length === 0) {
      this.#bytes = Buffer.from(this.#waiting);
      this.#waiting = '';
    }
    if (this.#bytes.length === 0) {
      this.#isWriting = false;
      this.#flushed.resolve();
      return;
    }
    this.#isPaused = false;
    write(this.#fd, this.#bytes, (error, written) => {
      if (error && MAY_PASS.has(error.code)) {
        this.#isPaused = true;
        setTimeout(() => this.#send(), TRY_AGAIN_MS).unref();
      } else if (error) {
        this.#giveUp();
      } else {
        this.#bytes = this.#bytes.subarray(written);
        if (this.#bytes.length === 0 && this.#waiting !== '') this.#sendSoon();
        else this.#send();
      }
    });
  }

  #giveUp(): void {
    this.#isGone = true;
    this.#isPaused = false;
    this.#waiting = '';
    this.#flushed.resolve();
  }

  /** Writes what is left before the process exits; a write that is under way completes by itself. */
  #writeRest(): void {
    try {
      const rest = Buffer.concat([
        ...(this.#isPaused ? [this.#bytes] : []),
        Buffer.from(this.#waiting),
      ]);
      for (let from = 0; from < rest.length;) from += writeSync(this.#fd, rest, from);
    } catch {
      // The reader is gone, or has stopped reading.
    }
  }
}

/**
 * A write to a full pipe waits for the reader, and a process does not end before its writes do. Opened
 * once more, this end of the pipe has a non-blocking flag of its own, which other programs with the same
 * pipe do not see.
 */
function withoutBlocking(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

let shared: LogOutput | undefined;

/** The one log output of this process. */
export function logOutput(): Pick<LogOutput, 'write'> {
  return (shared ??= new LogOutput());
}

/** Resolves when all log lines are written, after a second at the latest. */
export async function flushLog(): Promise<void> {
  await shared?.flush();
}
