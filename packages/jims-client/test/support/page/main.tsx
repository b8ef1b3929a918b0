// A page in which everything is done twice, as React does in development.
import { JimsClient } from 'jims-client';
import { useJimsChat } from 'jims-client/react';
import { StrictMode, useState } from 'react';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

const client = new JimsClient({ contactId: 'ann', silenceMs: 2000 });

function Page(): ReactNode {
  const [threadId] = useState(() => location.hash.slice(1) || undefined);
  const { messages, status, send, threadId: opened } = useJimsChat({ client, threadId });
  if (opened && opened !== threadId) history.replaceState(undefined, '', `#${opened}`);
  return (
    <main>
      <ol>
        {messages.map(({ key, text, createdAt }) => (
          <li key={key} data-stored={createdAt !== undefined}>
            {text}
          </li>
        ))}
      </ol>
      <p role="status">{status}</p>
      <button type="button" onClick={() => void send(`number ${messages.length}`)}>
        Send
      </button>
    </main>
  );
}

const root = document.createElement('div');
document.body.append(root);
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
);
