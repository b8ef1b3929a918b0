// What is done with files while processes end.
import { canaryOf } from '../check/canaries.ts';
import { bare } from '../check/facts.ts';
import type { KnownFiles } from '../check/files.ts';
import { asObject } from './answers.ts';
import { ask } from './ask.ts';
import type { Reply } from './ask.ts';
import { contentOf, digestOf } from './file-content.ts';
import type { Server } from './server.ts';

/** What somebody does with files; the same again when the process has died. */
export interface FileAct {
  /** What must be there before. */
  prepare(server: Server): Promise<void>;
  /** The act, as often as it takes; it rejects when there is no answer. */
  go(server: Server): Promise<Reply>;
  /** From now on things may be gone. */
  begins(): void;
  /** Notes what clients know now. */
  done(reply: Reply): void;
}

/** What clients know of all files. */
export class FileLedger implements KnownFiles {
  readonly kept = new Map<string, string>();
  readonly removed = new Set<string>();
  readonly removedThreads = new Set<string>();
  readonly erasedMarks = new Set<string>();
}

export const ACTS = ['upload', 'message', 'make', 'delete file', 'delete thread', 'delete contact'];

/** Someone who does one of the acts, as a contact of their own. */
export class FileClient implements FileAct {
  readonly #what: string;
  readonly #id: string;
  readonly #contact: string;
  readonly #ledger: FileLedger;
  #fileId = '';
  #threadId = '';
  #uploads = 0;

  constructor(what: string, id: string, ledger: FileLedger) {
    this.#what = what;
    this.#id = id;
    this.#contact = `contact-${id}`;
    this.#ledger = ledger;
  }

  async prepare(server: Server): Promise<void> {
    if (this.#what === 'upload' || this.#what === 'make') return;
    this.#fileId = await this.#uploaded(server);
    if (this.#what === 'delete file' || this.#what === 'message') return;
    const { body } = await this.#say(server, 'read', [this.#fileId]);
    this.#threadId = String(body['thread_id']);
    const made = await this.#say(server, 'make', []);
    if (made.status !== 200) throw new Error(`No file was made: ${made.text}`);
    // One that no message names goes with its contact alone.
    if (this.#what === 'delete contact') await this.#uploaded(server);
  }

  go(server: Server): Promise<Reply> {
    switch (this.#what) {
      case 'upload':
        return this.#upload(server);
      case 'message':
        return this.#say(server, 'read', [this.#fileId]);
      case 'make':
        return this.#say(server, 'make', []);
      case 'delete file':
        return ask(server, `/api/v1/files/${this.#fileId}`, undefined, DELETE);
      case 'delete thread':
        return ask(server, `/api/v1/threads/${this.#threadId}`, undefined, DELETE);
      default:
        return ask(server, `/api/v1/contacts/${this.#contact}`, undefined, DELETE);
    }
  }

  done(reply: Reply): void {
    const { kept, erasedMarks } = this.#ledger;
    if (this.#what === 'upload') kept.set(bare(String(reply.body['file_id'])), this.#digest());
    if (!this.#what.startsWith('delete')) return;
    const names = this.#what === 'delete thread' ? [1] : [1, 2, 3];
    for (const n of names) erasedMarks.add(`${this.#id}-${n}`);
    erasedMarks.add(`${this.#id}-made`);
  }

  begins(): void {
    if (!this.#what.startsWith('delete')) return;
    this.#ledger.removed.add(bare(this.#fileId));
    this.#ledger.removedThreads.add(bare(this.#threadId));
  }

  #upload(server: Server): Promise<Reply> {
    const mark = `${this.#id}-${++this.#uploads}`;
    const query = new URLSearchParams({ contact_id: this.#contact, name: `${mark}.txt` });
    return send(server, `/api/v1/files?${query.toString()}`, contentOf(mark));
  }

  async #uploaded(server: Server): Promise<string> {
    const { status, text, body } = await this.#upload(server);
    if (status !== 201) throw new Error(`No file was taken: ${text}`);
    const fileId = String(body['file_id']);
    if (this.#what === 'message') this.#ledger.kept.set(bare(fileId), this.#digest());
    return fileId;
  }

  #digest(): string {
    return digestOf(contentOf(`${this.#id}-${this.#uploads}`));
  }

  #say(server: Server, command: string, files: readonly string[]): Promise<Reply> {
    const message = `${this.#id} ${canaryOf(this.#contact)} ${command}`;
    const body = { contact_id: this.#contact, message, ...(files.length > 0 && { files }) };
    const headers = { 'idempotency-key': `${this.#id}-${command}` };
    return ask(server, '/api/v1/chat', body, { headers });
  }
}

const DELETE = { method: 'DELETE' };

async function send(
  server: Server,
  path: string,
  content: Uint8Array<ArrayBuffer>,
): Promise<Reply> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: content,
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, body: asObject(text.startsWith('{') ? JSON.parse(text) : {}) };
}
