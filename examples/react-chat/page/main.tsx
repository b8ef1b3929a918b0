import { JimsClient } from 'jims-client';
import { createRoot } from 'react-dom/client';

import { App } from './app.tsx';

const root = document.querySelector('#root');
if (!root) throw new Error('The page has no #root');

/** The visitor of this browser: a real page has the token of a user who signed in. */
const contactId = localStorage.getItem('contactId') ?? `visitor:${crypto.randomUUID()}`;
localStorage.setItem('contactId', contactId);

const client = new JimsClient({ headers: { 'x-jims-contact-id': contactId } });
// The thread that was talked in last, until a new chat is begun.
const { threads } = await client.threads.list({ limit: 1 });
createRoot(root).render(<App client={client} threadId={threads[0]?.thread_id} />);
