import { JimsError } from '../errors/jims-error.ts';
import { PieceReader } from '../text/text-pieces.ts';
import { MessageSources } from '../thread/message-sources.ts';
import type { SourceMembers } from '../thread/message-sources.ts';
import type { MessageFile } from '../thread/message.ts';
import type { ContextFiles, NewFile } from './context-files.ts';
import type { MessageBody } from './message-body.ts';
import type { MessageNews, MessageOptions, MessagePieces, ToolNews } from './message-part.ts';
import { MessageTools } from './message-tools.ts';
import { readPart } from './read-part.ts';
import type { ReadPart } from './read-part.ts';

export interface MessageReaderOptions {
  readonly messageId: string;
  /** Gets each piece at once. */
  readonly send: (news: MessageNews) => void;
  /** `undefined` when there is no place for files. */
  readonly files: ContextFiles | undefined;
}

/** Reads one message from its pieces. */
export class MessageReader {
  readonly #options: MessageReaderOptions;
  readonly #text: GrowingText;
  readonly #reasoning: GrowingText;
  readonly #sources = new MessageSources();
  readonly #tools: MessageTools;
  readonly #files: MessageFile[] = [];

  constructor(options: MessageReaderOptions) {
    const { messageId, send } = options;
    this.#options = options;
    this.#tools = new MessageTools(messageId);
    this.#text = new GrowingText((delta) => send({ type: 'delta', messageId, delta }));
    this.#reasoning = new GrowingText((delta) => send({ type: 'reasoning', messageId, delta }));
  }

  /**
   * Reads all pieces, and sends each as it comes. Rejects with what they throw, and with `invalid_event` for
   * one that a message cannot have.
   */
  async read(
    pieces: MessagePieces,
    { files = [], sources = [], keepReasoning = false }: MessageOptions,
  ): Promise<MessageBody> {
    for (const file of files) await this.#save(file);
    for (const source of sources) this.#addSource(source);
    for await (const piece of pieces) {
      const part = readPart(piece);
      if (part?.type === 'file') await this.#save(part.file);
      else if (part) this.#add(part);
    }
    const reasoning = this.#reasoning.end();
    return {
      text: this.#text.end(),
      sources: this.#sources.list,
      files: this.#files,
      reasoning: keepReasoning ? reasoning : '',
      context: this.#tools.context,
    };
  }

  #add(part: Exclude<ReadPart, { readonly type: 'file' }>): void {
    switch (part.type) {
      case 'text':
        return this.#text.add(part.text);
      case 'reasoning':
        return this.#reasoning.add(part.text);
      case 'break':
        this.#reasoning.startParagraph();
        if (part.of === 'all') this.#text.startParagraph();
        return undefined;
      case 'source':
        return this.#addSource(part);
      case 'tool-call':
        return this.#sendTool(this.#tools.call(part.call));
      case 'tool-result':
        return this.#endTool(part);
    }
  }

  #addSource(source: SourceMembers): void {
    const { messageId, send } = this.#options;
    const added = this.#sources.add(source);
    if (added) send({ type: 'source', messageId, source: added });
  }

  #endTool({ call, end }: ReadPart & { readonly type: 'tool-result' }): void {
    if (call && !this.#tools.has(call.id)) this.#sendTool(this.#tools.call(call));
    if (!this.#tools.has(end.id)) {
      throw new JimsError(
        'invalid_event',
        `A part 'tool-result' has the id '${end.id}', which no 'tool-call' before it has`,
      );
    }
    this.#sendTool(this.#tools.end(end));
  }

  #sendTool(tool: ToolNews | undefined): void {
    const { messageId, send } = this.#options;
    if (tool) send({ type: 'tool', messageId, tool });
  }

  async #save(newFile: NewFile): Promise<void> {
    const { messageId, send, files } = this.#options;
    if (!files) {
      throw new JimsError('app_invalid', 'A message can have files only in a run of an app');
    }
    const file = await files.save(newFile, messageId);
    this.#files.push(file);
    send({ type: 'file', messageId, file });
  }
}

/** A message that is text, as one that is being made. */
export async function* onePiece(text: string): AsyncGenerator<string> {
  yield text;
}

/** Text that is sent piece by piece, in whole characters. */
class GrowingText {
  readonly #pieces = new PieceReader();
  readonly #send: (piece: string) => void;
  #text = '';
  #startsParagraph = false;

  constructor(send: (piece: string) => void) {
    this.#send = send;
  }

  add(text: string): void {
    if (text === '') return;
    const isApart = this.#startsParagraph && (this.#text.at(-1) ?? ' ').trim() !== '';
    this.#startsParagraph = false;
    this.#take(this.#pieces.read(isApart ? `\n\n${text}` : text));
  }

  startParagraph(): void {
    this.#startsParagraph = true;
  }

  end(): string {
    this.#take(this.#pieces.end());
    return this.#text;
  }

  #take(pieces: readonly string[]): void {
    for (const piece of pieces) {
      this.#text += piece;
      this.#send(piece);
    }
  }
}
