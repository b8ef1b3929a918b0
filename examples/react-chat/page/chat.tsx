import type { JimsClient } from 'jims-client';
import { useJimsChat } from 'jims-client/react';
import { useEffect, useRef } from 'react';
import type { ReactNode, RefObject } from 'react';

import { Composer } from './composer.tsx';
import { MessageView } from './message-view.tsx';

interface ChatProps {
  readonly client: JimsClient;
  readonly threadId: string | undefined;
  readonly onNew: () => void;
}

export function Chat({ client, threadId, onNew }: ChatProps): ReactNode {
  const chat = useJimsChat({ client, threadId });
  const { messages, status, run, error } = chat;
  const isBusy = status !== 'ready' && status !== 'loading';
  const end = useScrollToEnd(messages);
  return (
    <main>
      <header>
        <div>
          <h1>Town guide</h1>
          <p>jims-client/react, answered by a JIMS app</p>
        </div>
        <button type="button" className="quiet" onClick={onNew}>
          New chat
        </button>
      </header>
      <ol className="messages" aria-live="polite">
        {messages.length === 0 && <li className="hint">Say anything to begin.</li>}
        {messages.map((message) => (
          <MessageView
            key={message.key}
            message={message}
            {...(!isBusy && message === messages.at(-1) && { onChoose: chat.click })}
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

function useScrollToEnd(messages: readonly unknown[]): RefObject<HTMLLIElement | null> {
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // In braces: newer browsers give a promise, which React would take for a clean-up.
    end.current?.scrollIntoView({ block: 'end' });
  }, [messages]);
  return end;
}
