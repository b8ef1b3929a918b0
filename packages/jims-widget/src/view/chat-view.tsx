import type { ChatMessage, ChatSnapshot, TakenBack } from 'jims-client';
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';

import { Announcer } from './announcer.tsx';
import { fieldsOf } from './answer-schema.ts';
import { ProvideWriteAgain, useChat, useTexts } from './chat-context.ts';
import { Composer } from './composer.tsx';
import type { Draft } from './composer.tsx';
import { ErrorView } from './error-view.tsx';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icons.tsx';
import { MessageItem } from './message-view.tsx';
import { QuestionView } from './question-view.tsx';
import { RunLine } from './run-line.tsx';
import { useFileDrop } from './use-file-drop.ts';
import { useSnapshot } from './use-snapshot.ts';
import { useStickToEnd } from './use-stick-to-end.ts';
import type { StickToEnd } from './use-stick-to-end.ts';

/** The messages of a chat, and where the next one is written. */
export function ChatView(): JSX.Element {
  const { chat } = useChat();
  const texts = useTexts();
  const snapshot = useSnapshot(chat);
  const [draft, setDraft] = useState(EMPTY);
  const add = ({ text, files }: TakenBack): void =>
    setDraft((before) => ({
      text: [text, before.text].filter((each) => each !== '').join('\n'),
      files: [...before.files, ...files.filter(isFile)],
    }));
  const stick = useStickToEnd(snapshot.messages[0]?.key);
  const drop = useFileDrop((files) => add({ text: '', files }));
  return (
    <ProvideWriteAgain value={(taken) => taken && add(taken)}>
      <div class={drop.isOver ? 'chat dropping' : 'chat'} {...drop.handlers}>
        <div class="log">
          <MessageScroller snapshot={snapshot} stick={stick} />
          {!stick.isAtEnd && (
            <IconButton
              icon="down"
              class="jump"
              part="jump"
              label={texts.newest}
              onClick={stick.goToEnd}
            />
          )}
        </div>
        <Composer snapshot={snapshot} draft={draft} onDraft={setDraft} onSent={stick.goToEnd} />
        <Announcer snapshot={snapshot} />
        {drop.isOver && (
          <div class="drop-hint" aria-hidden="true">
            {texts.dropFiles}
          </div>
        )}
      </div>
    </ProvideWriteAgain>
  );
}

const EMPTY: Draft = { text: '', files: [] };

function isFile(blob: Blob): blob is File {
  return blob instanceof File;
}

interface MessageScrollerProps {
  readonly snapshot: ChatSnapshot;
  readonly stick: StickToEnd;
}

function MessageScroller({ snapshot, stick }: MessageScrollerProps): JSX.Element {
  const texts = useTexts();
  const { messages, status } = snapshot;
  return (
    <div
      ref={stick.scroller}
      class="scroller"
      role="region"
      aria-label={texts.messages}
      tabIndex={0}
      onScroll={stick.onScroll}
    >
      <div ref={stick.content} class="content">
        {messages.length === 0 && <Nothing isLoading={status === 'loading'} />}
        {snapshot.hasOlder && <Earlier />}
        <MessageItems snapshot={snapshot} />
        <End snapshot={snapshot} />
      </div>
    </div>
  );
}

function MessageItems({ snapshot }: { readonly snapshot: ChatSnapshot }): JSX.Element {
  const { selectedMessageId } = useChat();
  const { messages, status, question } = snapshot;
  const isReady = status === 'ready';
  const asking = askingMessage(snapshot);
  // The service sends them only while the question is open.
  const { current: labels } = useRef(new Map<string, string>());
  for (const { name, label } of fieldsOf(question?.schema)) labels.set(name, label);
  return (
    <ol class="messages" part="messages">
      {messages.map((message, index) => (
        <MessageItem
          key={message.key}
          message={message}
          isLast={index === messages.length - 1}
          isReady={isReady}
          isSelected={message.id === selectedMessageId}
          hasChoices={message === asking && !question}
          question={message === asking ? question : undefined}
          labels={messages[index - 1]?.questionId ? labels : undefined}
        />
      ))}
    </ol>
  );
}

/** What comes after the last message. */
function End({ snapshot }: { readonly snapshot: ChatSnapshot }): JSX.Element {
  const { messages, question, status, error } = snapshot;
  const last = messages.at(-1);
  return (
    <>
      {status === 'ready' && question && !askingMessage(snapshot) && (
        <QuestionView
          key={question.id}
          question={question}
          isSaid={messages.slice(-3).some((message) => isSaidBy(message, question.text))}
        />
      )}
      <RunLine snapshot={snapshot} />
      {error && (
        <ErrorView error={error} canRetry={last?.state !== 'failed' && !last?.isUnanswered} />
      )}
    </>
  );
}

/** The last message, when it waits for an answer: the open question, or a click. */
function askingMessage({ messages, question, status }: ChatSnapshot): ChatMessage | undefined {
  const last = messages.at(-1);
  if (status !== 'ready' || last?.role !== 'assistant' || last.state !== 'complete')
    return undefined;
  return !question || isSaidBy(last, question.text) ? last : undefined;
}

function isSaidBy({ role, text }: ChatMessage, words: string | undefined): boolean {
  return role === 'assistant' && text === words;
}

function Nothing({ isLoading }: { readonly isLoading: boolean }): JSX.Element {
  const texts = useTexts();
  return (
    <div class="nothing" part="empty">
      {isLoading ? (
        <>
          <span class="spinner" aria-hidden="true" />
          <p>{texts.loading}</p>
        </>
      ) : (
        <>
          <Icon name="chat" />
          <p>{texts.empty}</p>
        </>
      )}
    </div>
  );
}

function Earlier(): JSX.Element {
  const { chat } = useChat();
  const { earlier } = useTexts();
  const [isLoading, setLoading] = useState(false);

  async function load(): Promise<void> {
    setLoading(true);
    // The snapshot has the error.
    await chat.loadOlder().catch(() => {});
    setLoading(false);
  }

  return (
    <div class="earlier">
      <button
        type="button"
        class="chip"
        aria-disabled={isLoading}
        onClick={isLoading ? undefined : () => void load()}
      >
        {isLoading && <span class="spinner" aria-hidden="true" />}
        {earlier}
      </button>
    </div>
  );
}
