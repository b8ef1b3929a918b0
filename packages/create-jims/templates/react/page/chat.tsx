import type { ChatMessage, JimsClient } from 'jims-client';
import { useJimsChat } from 'jims-client/react';
import { useEffect, useRef, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';

const THREAD = 'thread';

/** One conversation; after a reload it goes on, also in the middle of an answer. */
export function Chat({ client }: { readonly client: JimsClient }): ReactNode {
  const [known] = useState(() => localStorage.getItem(THREAD) ?? undefined);
  const chat = useJimsChat({ client, threadId: known });
  const { messages, status, run, error, threadId } = chat;
  const isBusy = status === 'sending' || status === 'answering' || status === 'reconnecting';
  const end = useRef<HTMLLIElement>(null);

  useEffect(() => {
    if (threadId) localStorage.setItem(THREAD, threadId);
  }, [threadId]);
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'end' });
  }, [messages]);

  return (
    <main>
      <header>
        <h1>my-bot</h1>
        <button type="button" className="quiet" onClick={startAnew}>
          New conversation
        </button>
      </header>
      <ol aria-live="polite">
        {messages.length === 0 && status === 'ready' && (
          <li className="hint">Say hello, or where you would like to go.</li>
        )}
        {messages.map((message) => (
          <Message
            key={message.key}
            message={message}
            onClick={isBusy || message !== messages.at(-1) ? undefined : chat.click}
          />
        ))}
        <li ref={end} aria-hidden="true" />
      </ol>
      <p role="status">{isBusy && (run?.status ?? 'Thinking…')}</p>
      {error && (
        <p role="alert">
          {error.message}{' '}
          <button type="button" className="quiet" onClick={() => void chat.retry()}>
            Try again
          </button>
        </p>
      )}
      <Composer isBusy={isBusy} onSend={chat.send} onStop={chat.stop} />
    </main>
  );
}

interface MessageProps {
  readonly message: ChatMessage;
  /** Without it the buttons are history, and not shown. */
  readonly onClick: ((buttonId: string) => Promise<void>) | undefined;
}

function Message({ message: { role, text, state, buttons }, onClick }: MessageProps): ReactNode {
  return (
    <li className={`${role} ${state}`}>
      <p>{text}</p>
      {onClick && buttons.length > 0 && (
        <div className="buttons">
          {buttons.map((button) => (
            <button type="button" key={button.id} onClick={() => void onClick(button.id)}>
              {button.text}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

interface ComposerProps {
  readonly isBusy: boolean;
  readonly onSend: (text: string) => Promise<void>;
  readonly onStop: () => Promise<void>;
}

function Composer({ isBusy, onSend, onStop }: ComposerProps): ReactNode {
  const [text, setText] = useState('');

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (isBusy || text.trim() === '') return;
    // What fails is in the chat's `error`.
    onSend(text).catch(() => {});
    setText('');
  }

  return (
    <form onSubmit={submit}>
      <input
        aria-label="Message"
        placeholder="Write a message"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {isBusy ? (
        <button type="button" onClick={() => void onStop()}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={text.trim() === ''}>
          Send
        </button>
      )}
    </form>
  );
}

function startAnew(): void {
  localStorage.removeItem(THREAD);
  location.reload();
}
