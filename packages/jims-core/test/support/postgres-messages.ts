/** A message of PostgreSQL's protocol, as far as the connections of tests look at it. */
export interface PostgresMessage {
  readonly type: string;
  /** Where it begins in what was read last; negative when that was before. */
  readonly start: number;
  /** The beginning of its content. */
  readonly content: Buffer;
}

const HEADER_BYTES = 5;
const CONTENT_BYTES = 8;

/** Finds the messages in a stream. The first one of a client has another form. */
export class MessageReader {
  /** The beginning of the message that is being read, and how much of all of it has come. */
  #head = Buffer.alloc(HEADER_BYTES + CONTENT_BYTES);
  #read = 0;

  /** The messages that end in the next piece. */
  read(chunk: Buffer): readonly PostgresMessage[] {
    const found: PostgresMessage[] = [];
    for (let at = 0; at < chunk.length;) {
      const start = at - this.#read;
      at += this.#take(chunk.subarray(at, at + Math.max(0, HEADER_BYTES - this.#read)));
      if (this.#read < HEADER_BYTES) break;
      const size = 1 + this.#head.readInt32BE(1);
      at += this.#take(chunk.subarray(at, at + size - this.#read));
      if (this.#read < size) break;
      const content = Buffer.from(this.#head.subarray(HEADER_BYTES, size));
      found.push({ type: String.fromCharCode(this.#head[0] ?? 0), start, content });
      this.#read = 0;
    }
    return found;
  }

  #take(bytes: Buffer): number {
    if (this.#read < this.#head.length) bytes.copy(this.#head, this.#read);
    this.#read += bytes.length;
    return bytes.length;
  }
}
