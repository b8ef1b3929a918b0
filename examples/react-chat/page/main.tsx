import { createRoot } from 'react-dom/client';

import { currentChat, restoreMessages } from './api.ts';
import { Chat } from './chat.tsx';

const root = document.querySelector('#root');
if (!root) throw new Error('The page has no #root');

const chat = currentChat();
createRoot(root).render(<Chat chat={chat} messages={await restoreMessages(chat)} />);
