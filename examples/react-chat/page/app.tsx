import type { JimsClient } from 'jims-client';
import { useState } from 'react';
import type { ReactNode } from 'react';

import { Chat } from './chat.tsx';

interface AppProps {
  readonly client: JimsClient;
  readonly threadId: string | undefined;
}

export function App({ client, threadId }: AppProps): ReactNode {
  // Each chat that is begun is a component of its own.
  const [chat, setChat] = useState({ number: 0, threadId });
  return (
    <Chat
      key={chat.number}
      client={client}
      threadId={chat.threadId}
      onNew={() => setChat({ number: chat.number + 1, threadId: undefined })}
    />
  );
}
