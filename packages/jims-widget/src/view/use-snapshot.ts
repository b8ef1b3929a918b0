import type { Chat, ChatSnapshot } from 'jims-client';
import { useEffect, useState } from 'preact/hooks';

/** A hidden page has no frames. */
const HIDDEN_MS = 250;

/** What the chat is now, at most once a frame however fast its pieces come. */
export function useSnapshot(chat: Chat): ChatSnapshot {
  const [snapshot, setSnapshot] = useState(chat.getSnapshot);
  useEffect(() => {
    let cancel: (() => void) | undefined;
    const draw = (): void => {
      cancel = undefined;
      setSnapshot(chat.getSnapshot());
    };
    const end = chat.subscribe(() => {
      cancel ??= soon(draw);
    });
    draw();
    return () => {
      end();
      cancel?.();
    };
  }, [chat]);
  return snapshot;
}

function soon(draw: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(draw, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(draw);
  return () => cancelAnimationFrame(frame);
}
