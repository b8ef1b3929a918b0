import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { useTexts } from './chat-context.ts';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icons.tsx';
import { keepFocusInside, useFullScreen } from './use-full-screen.ts';

interface HeaderProps {
  readonly heading: string;
  readonly onNew: (() => void) | undefined;
  readonly onClose?: (() => void) | undefined;
}

function Header({ heading, onNew, onClose }: HeaderProps): JSX.Element {
  const texts = useTexts();
  return (
    <header class="header" part="header">
      <h2 dir="auto">{heading}</h2>
      {onNew && <IconButton icon="fresh" class="quiet" label={texts.newChat} onClick={onNew} />}
      {onClose && <IconButton icon="close" class="quiet" label={texts.close} onClick={onClose} />}
    </header>
  );
}

interface InlinePanelProps {
  /** Without one there is no header. */
  readonly heading: string | undefined;
  readonly onNew: (() => void) | undefined;
  readonly children: ComponentChildren;
}

/** The chat as a part of the page. */
export function InlinePanel({ heading, onNew, children }: InlinePanelProps): JSX.Element {
  const texts = useTexts();
  return (
    <section class="panel inline" part="panel" aria-label={heading ?? texts.heading}>
      {heading !== undefined && <Header heading={heading} onNew={onNew} />}
      {children}
    </section>
  );
}

interface FloatingPanelProps {
  readonly heading: string;
  readonly isOpen: boolean;
  readonly hasUnread: boolean;
  readonly onToggle: (isOpen: boolean) => void;
  readonly onNew: (() => void) | undefined;
  readonly children: ComponentChildren;
}

/**
 * A button in the corner, which opens the chat above it and folds it; on a phone the chat has the whole screen, and a
 * button of its own to close it.
 */
export function FloatingPanel(props: FloatingPanelProps): JSX.Element {
  const { heading, isOpen, hasUnread, onToggle, onNew, children } = props;
  const texts = useTexts();
  const panel = useRef<HTMLElement>(null);
  const launcher = useRef<HTMLButtonElement>(null);
  const isFullScreen = useFullScreen(panel, isOpen);
  useFocusMoved(isOpen, panel, launcher);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      onToggle(false);
    } else if (isFullScreen && panel.current) keepFocusInside(panel.current, event);
  }

  return (
    <>
      <section
        ref={panel}
        class={isFullScreen ? 'panel floating full' : 'panel floating'}
        part="panel"
        role="dialog"
        aria-modal={isFullScreen}
        aria-label={heading}
        hidden={!isOpen}
        onKeyDown={onKeyDown}
      >
        <Header
          heading={heading}
          onNew={onNew}
          onClose={isFullScreen ? () => onToggle(false) : undefined}
        />
        {children}
      </section>
      <button
        ref={launcher}
        type="button"
        class="launcher"
        part="launcher"
        aria-expanded={isOpen}
        aria-label={isOpen ? texts.close : hasUnread ? texts.openUnread : texts.open}
        hidden={isOpen && isFullScreen}
        onClick={() => onToggle(!isOpen)}
      >
        <Icon name={isOpen ? 'fold' : 'chat'} />
        {hasUnread && !isOpen && <span class="unread" aria-hidden="true" />}
      </button>
    </>
  );
}

/** To where the message is written when it opens, and back to the button when it closes. */
function useFocusMoved(
  isOpen: boolean,
  panel: { readonly current: HTMLElement | null },
  launcher: { readonly current: HTMLElement | null },
): void {
  const wasOpen = useRef(isOpen);
  useLayoutEffect(() => {
    // A page that opens the panel by itself keeps its focus.
    if (wasOpen.current === isOpen) return;
    wasOpen.current = isOpen;
    const target = isOpen ? panel.current?.querySelector<HTMLElement>('.input') : launcher.current;
    target?.focus();
  }, [isOpen, panel, launcher]);
}
