import type { ChatMessage, ChatSnapshot } from 'jims-client';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Longer answers are announced by their beginning; the rest is in the list. */
const MAX_LENGTH = 1200;

/** Reads each answer once, when it is finished, to people who use a screen reader. */
export function Announcer({ snapshot }: { readonly snapshot: ChatSnapshot }): JSX.Element {
  const announced = useRef<Set<string>>(undefined);
  const [words, setWords] = useState('');
  const { messages, status } = snapshot;
  useEffect(() => {
    const finished = messages.filter(isFinishedAnswer);
    if (status === 'loading') return;
    // What was there before the chat was opened is not news.
    const known = (announced.current ??= new Set(finished.map(({ key }) => key)));
    const news = finished.filter(({ key }) => !known.has(key));
    if (news.length === 0) return;
    for (const { key } of news) known.add(key);
    setWords(news.map(({ text }) => spoken(text)).join('\n'));
  }, [messages, status]);
  return (
    <div class="unseen" aria-live="polite" aria-atomic="true">
      {words}
    </div>
  );
}

function isFinishedAnswer({ role, state }: ChatMessage): boolean {
  return role === 'assistant' && state !== 'growing';
}

/** Without the signs of Markdown that would be read aloud. */
function spoken(text: string): string {
  return text
    .slice(0, MAX_LENGTH)
    .replace(/!?\[([^\]\n]*)\]\([^)\n]*\)/g, '$1')
    .replace(/^[ \t]*(?:#{1,6}|>|[-*+])[ \t]+/gm, '')
    .replace(/[*_`~|]+/g, '');
}
