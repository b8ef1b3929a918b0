import { JimsError } from '../errors/jims-error.ts';
import { PlainHost } from '../llm/tools/loop-host.ts';
import type { LoopHost } from '../llm/tools/loop-host.ts';
import { ToolAnswer } from '../llm/tools/run-answer.ts';
import type { ReadMessage, StreamedMessage } from '../pipeline/context-journal.ts';
import { dataOf } from '../pipeline/message-body.ts';
import type { MessageBody } from '../pipeline/message-body.ts';
import type { ContextOutput } from '../pipeline/thread-context.ts';
import { derivedId } from '../thread/derived-id.ts';
import { ASSISTANT_MESSAGE, newEvent } from '../thread/event.ts';
import { newId } from '../thread/new-id.ts';
import { isInEntry, requireOutsideEntry } from './entry-scope.ts';
import { GrowingMessage } from './growing-message.ts';
import type { Journal } from './journal.ts';
import { KeptLoop } from './kept-loop.ts';
import type { KeptLoopOptions } from './kept-loop.ts';
import { keptMessage, messageFrom } from './kept-message.ts';
import type { KeptMessage } from './kept-message.ts';
import { KeptStream } from './kept-stream.ts';
import { KeptWork } from './kept-work.ts';

export interface MessageStreamsOptions extends Pick<
  KeptLoopOptions,
  'journal' | 'output' | 'isDurable' | 'ask'
> {
  readonly chainId: string;
  readonly part: Journal['part'];
}

/** The messages of a pipeline that are made piece by piece. */
export class MessageStreams {
  readonly #options: MessageStreamsOptions;
  #growing = 0;

  constructor(options: MessageStreamsOptions) {
    this.#options = options;
  }

  /** Makes a message; the whole of it is one entry, unless it is made by a loop, which has its own. */
  send(read: ReadMessage, message: StreamedMessage): Promise<string> {
    requireOutsideEntry('A message');
    const { journal } = this.#options;
    const { source } = message;
    if (source instanceof ToolAnswer) {
      return journal.whole(this.#sendAnswer(source, read, message));
    }
    const messageId = this.#newId(`stream/${journal.countOf('stream', '') + 1}`);
    return this.#keep(
      async () => {
        const reason = (): string | undefined =>
          source instanceof KeptStream ? source.finishReason : undefined;
        return keptMessage(await read(messageId, source, message.options), reason());
      },
      (kept) => {
        const [text, finishReason] = kept;
        if (source instanceof KeptStream) source.endAs(finishReason ?? undefined);
        message.send(messageFrom(kept), messageId);
        return text;
      },
    );
  }

  /** Where a loop runs that the pipeline reads by itself. */
  loopOfPipeline(): LoopHost {
    return isInEntry() ? new PlainHost() : this.#loop(false);
  }

  async #sendAnswer(
    answer: ToolAnswer,
    read: ReadMessage,
    { send, options }: StreamedMessage,
  ): Promise<string> {
    const message = await this.#read(answer);
    const { files = [], sources = [], keepReasoning } = options;
    for (const source of sources) message.add({ type: 'source', source });
    const more =
      files.length > 0 && (await this.#more(() => read(message.id, nothing(), { files })));
    const { text, reasoning, ...body } = message.end();
    if (text === '' && !more && sources.length === 0 && answer.wasStopped) return '';
    const kept = {
      ...body,
      files: more ? more.files : [],
      reasoning: keepReasoning ? reasoning : '',
    };
    send({ ...kept, text }, message.id);
    return text;
  }

  /** Lets a loop go on to its end; gives the message that it made last. */
  async #read(answer: ToolAnswer): Promise<GrowingMessage> {
    if (answer.hasBegun) {
      throw new JimsError(
        'invalid_event',
        'This answer of llm.run is read already: give it to sendMessage before anything else reads it',
      );
    }
    const loop = this.#loop(true);
    answer.runIn(() => loop);
    while (!(await answer.next()).done);
    return loop.message;
  }

  /** What a message has beside its text. */
  #more(read: () => Promise<MessageBody>): Promise<MessageBody> {
    return this.#keep(async () => keptMessage(await read(), undefined), messageFrom);
  }

  #keep<T>(work: () => Promise<KeptMessage>, give: (kept: KeptMessage) => T): Promise<T> {
    const { journal, isDurable } = this.#options;
    const what = 'a streamed message';
    const kept = new KeptWork<KeptMessage>({ what, isKeptOnly: isDurable, work });
    return journal.call({
      kind: 'stream',
      name: '',
      begin: kept.begin,
      read: (outcome) => give(kept.result(outcome)),
    });
  }

  #loop(hasText: boolean): KeptLoop {
    const { output } = this.#options;
    return new KeptLoop({
      ...this.#options,
      newMessage: () => this.#newMessage(output, hasText),
      send(message) {
        const { id } = message;
        output.message(
          newEvent(ASSISTANT_MESSAGE, dataOf({ ...message.end(), reasoning: '' }), id),
        );
      },
    });
  }

  #newMessage(output: ContextOutput, hasText: boolean): GrowingMessage {
    const id = this.#newId(`answer/${++this.#growing}`);
    return new GrowingMessage({ id, output, journal: this.#options.journal, hasText });
  }

  #newId(name: string): string {
    const { isDurable, chainId, part } = this.#options;
    return isDurable ? derivedId(chainId, `${part}/${name}`) : newId();
  }
}

async function* nothing(): AsyncGenerator<string> {}
