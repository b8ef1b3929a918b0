import { useChat } from '@ai-sdk/react';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode, RefObject } from 'react';

import { forgetChat, stopAnswer, transportOf, uploadFile } from './api.ts';
import type { Button, ChatIdentity, Message } from './api.ts';
import { Composer } from './composer.tsx';
import { MessageView } from './message-view.tsx';

interface ChatProps {
  readonly chat: ChatIdentity;
  readonly messages: Message[];
}

export function Chat({ chat, messages: restored }: ChatProps): ReactNode {
  const [transport] = useState(() => transportOf(chat));
  const [agentStatus, setAgentStatus] = useState('');
  const { messages, sendMessage, regenerate, status, error, stop } = useChat<Message>({
    id: chat.id,
    messages: restored,
    transport,
    resume: true,
    onData(part) {
      if (part.type === 'data-status') setAgentStatus(part.data.status);
    },
    onFinish: () => setAgentStatus(''),
  });
  const busy = status === 'submitted' || status === 'streaming';
  const end = useScrollToEnd(messages);

  async function stopBoth(): Promise<void> {
    await stopAnswer(chat);
    await stop();
  }

  function choose({ text }: Button): void {
    void sendMessage({ text }, { body: { event_type: 'comm.user_button_click' } });
  }

  return (
    <main>
      <header>
        <div>
          <h1>Town guide</h1>
          <p>useChat, answered by a JIMS app</p>
        </div>
        <button type="button" className="quiet" onClick={startAnew}>
          New chat
        </button>
      </header>
      <ol className="messages" aria-live="polite">
        {messages.length === 0 && <li className="hint">Say anything to begin.</li>}
        {messages.map((message) => (
          <MessageView
            key={message.id}
            message={message}
            {...(!busy && message === messages.at(-1) && { onChoose: choose })}
          />
        ))}
        <li ref={end} aria-hidden="true" />
      </ol>
      <p role="status">{busy && (agentStatus || 'Thinking…')}</p>
      {error && (
        <p role="alert">
          {error.message}{' '}
          <button type="button" className="quiet" onClick={() => void regenerate()}>
            Try again
          </button>
        </p>
      )}
      <Composer
        busy={busy}
        onUpload={(file) => uploadFile(file, chat)}
        onSend={(text, files) => void sendMessage({ text, files })}
        onStop={() => void stopBoth()}
      />
    </main>
  );
}

function startAnew(): void {
  forgetChat();
  location.reload();
}

function useScrollToEnd(messages: readonly Message[]): RefObject<HTMLLIElement | null> {
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // In braces: newer browsers give a promise, which React would take for a clean-up.
    end.current?.scrollIntoView({ block: 'end' });
  }, [messages]);
  return end;
}
