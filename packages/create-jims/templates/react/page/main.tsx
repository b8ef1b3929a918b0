import { JimsClient } from 'jims-client';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Chat } from './chat.tsx';

/**
 * Who talks. This is a name that the browser made up, and the service believes it: before others use the
 * page, sign your users in, and give the client a `token` (see README.md).
 */
function visitor(): string {
  const known = localStorage.getItem('visitor') ?? `visitor:${crypto.randomUUID()}`;
  localStorage.setItem('visitor', known);
  return known;
}

const client = new JimsClient({ url: location.origin, contactId: visitor() });

const root = document.querySelector('#root');
if (!root) throw new Error('The page has no #root');
createRoot(root).render(
  <StrictMode>
    <Chat client={client} />
  </StrictMode>,
);
