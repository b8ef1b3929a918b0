import type { JSX } from 'preact';

import type { ChatTexts } from '../texts.ts';
import { ProvideChat, ProvideTexts } from './chat-context.ts';
import type { ChatSurroundings } from './chat-context.ts';
import { ChatView } from './chat-view.tsx';
import { FloatingPanel, InlinePanel } from './panel.tsx';
import { useUnread } from './use-unread.ts';

/** What the element shows. */
export interface RootProps {
  /** `undefined` until a floating panel is opened for the first time. */
  readonly surroundings: ChatSurroundings | undefined;
  /** Another one for each chat. */
  readonly chatNumber: number;
  readonly texts: ChatTexts;
  readonly isFloating: boolean;
  readonly isOpen: boolean;
  readonly heading: string | undefined;
  readonly onToggle: (isOpen: boolean) => void;
  readonly onNew: (() => void) | undefined;
}

export function Root(props: RootProps): JSX.Element {
  const { surroundings, chatNumber, texts, isFloating, isOpen, heading, onToggle, onNew } = props;
  const hasUnread = useUnread(surroundings?.chat, isOpen || !isFloating);
  const view = surroundings && (
    <ProvideChat value={surroundings}>
      <ChatView key={chatNumber} />
    </ProvideChat>
  );
  return (
    <ProvideTexts value={texts}>
      {isFloating ? (
        <FloatingPanel
          heading={heading ?? texts.heading}
          isOpen={isOpen}
          hasUnread={hasUnread}
          onToggle={onToggle}
          onNew={onNew}
        >
          {view}
        </FloatingPanel>
      ) : (
        <InlinePanel heading={heading} onNew={onNew}>
          {view}
        </InlinePanel>
      )}
    </ProvideTexts>
  );
}
