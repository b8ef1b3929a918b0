import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { useTexts } from './chat-context.ts';
import { Icon } from './icons.tsx';
import { keepFocusInside, useFullScreen } from './use-full-screen.ts';

interface HeaderProps {
  readonly title: string;
  readonly onNew: (() => void) | undefined;
  readonly onClose?: () => void;
}

function Header({ title, onNew, onClose }: HeaderProps): JSX.Element {
  const texts = useTexts();
  return (
    <header class="header" part="header">
      <h2 dir="auto">{title}</h2>
      {onNew && (
        <button
          type="button"
          class="quiet"
          aria-label={texts.newChat}
          title={texts.newChat}
          onClick={onNew}
        >
          <Icon name="fresh" />
        </button>
      )}
      {onClose && (
        <button
          type="button"
          class="quiet"
          aria-label={texts.close}
          title={texts.close}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      )}
    </header>
  );
}

interface InlinePanelProps {
  /** Without one there is no header. */
  readonly title: string | undefined;
  readonly onNew: (() => void) | undefined;
  readonly children: ComponentChildren;
}

/** The chat as a part of the page. */
export function InlinePanel({ title, onNew, children }: InlinePanelProps): JSX.Element {
  const texts = useTexts();
  return (
    // Without a title of its own it would show that of the element to everybody who points at it.
    <section class="panel inline" part="panel" title="" aria-label={title ?? texts.title}>
      {title !== undefined && <Header title={title} onNew={onNew} />}
      {children}
    </section>
  );
}

interface FloatingPanelProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly hasUnread: boolean;
  readonly onToggle: (isOpen: boolean) => void;
  readonly onNew: (() => void) | undefined;
  readonly children: ComponentChildren;
}

/** A button in the corner, and the chat above it; on a phone the chat has the whole screen. */
export function FloatingPanel(props: FloatingPanelProps): JSX.Element {
  const { title, isOpen, hasUnread, onToggle, onNew, children } = props;
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
        title=""
        aria-modal={isFullScreen}
        aria-label={title}
        hidden={!isOpen}
        onKeyDown={onKeyDown}
      >
        <Header title={title} onNew={onNew} onClose={() => onToggle(false)} />
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
        <Icon name={isOpen ? 'close' : 'chat'} />
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
