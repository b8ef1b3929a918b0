import type { ChatFeedback, ChatMessage } from 'jims-client';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { useChat, useTexts } from './chat-context.ts';
import { CopyButton } from './copy-button.tsx';
import { Icon } from './icons.tsx';
import { keepFocus } from './keep-focus.ts';

interface MessageToolsProps {
  readonly message: ChatMessage;
  readonly onEdit?: () => void;
}

/** What can be done with a message. */
export function MessageTools({ message, onEdit }: MessageToolsProps): JSX.Element {
  const texts = useTexts();
  const { actions, onSelect } = useChat();
  const isRated = message.role === 'assistant' && message.state === 'complete';
  return (
    <>
      <div class="tools" part="tools">
        {message.text !== '' && <CopyButton text={message.text} label={texts.copy} class="quiet" />}
        {onEdit && (
          <button
            type="button"
            class="quiet"
            aria-label={texts.edit}
            title={texts.edit}
            onClick={onEdit}
          >
            <Icon name="edit" />
          </button>
        )}
        {isRated && <Feedback message={message} />}
        {onSelect && (
          <button
            type="button"
            class="quiet"
            aria-label={texts.select}
            title={texts.select}
            onClick={() => onSelect(message)}
          >
            <Icon name="details" />
          </button>
        )}
        {actions
          .filter(({ isFor }) => isFor?.(message) ?? true)
          .map(({ label, act }) => (
            <button key={label} type="button" class="text-button" onClick={() => act(message)}>
              {label}
            </button>
          ))}
        {message.createdAt !== undefined && <Time at={message.createdAt} />}
      </div>
    </>
  );
}

function Time({ at }: { readonly at: string }): JSX.Element {
  const { locale } = useChat();
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  return (
    <time class="muted" dateTime={at} title={date.toLocaleString(locale)}>
      {isToday ? time : `${date.toLocaleDateString(locale)} ${time}`}
    </time>
  );
}

function Feedback({ message }: { readonly message: ChatMessage }): JSX.Element {
  const { chat } = useChat();
  const texts = useTexts();
  const [isCommented, setCommented] = useState(false);
  const given = message.feedback?.value;

  function give(feedback: ChatFeedback | undefined): void {
    chat.giveFeedback(message.id, feedback).catch(() => {});
  }

  function rate(value: 'up' | 'down'): void {
    const isTakenBack = given === value;
    give(isTakenBack ? undefined : { value });
    setCommented(value === 'down' && !isTakenBack);
  }

  return (
    <>
      {(['up', 'down'] as const).map((value) => (
        <button
          key={value}
          type="button"
          class="quiet"
          aria-pressed={given === value}
          aria-label={value === 'up' ? texts.good : texts.bad}
          title={value === 'up' ? texts.good : texts.bad}
          onClick={() => rate(value)}
        >
          <Icon name={value === 'up' ? 'good' : 'bad'} />
        </button>
      ))}
      {isCommented && given === 'down' && (
        <CommentForm
          onEnd={(comment) => {
            setCommented(false);
            if (comment !== '') give({ value: 'down', comment });
          }}
        />
      )}
    </>
  );
}

function CommentForm({ onEnd }: { readonly onEnd: (comment: string) => void }): JSX.Element {
  const texts = useTexts();
  const [comment, setComment] = useState('');
  return (
    <form
      class="comment"
      onSubmit={(event) => {
        event.preventDefault();
        keepFocus(event.currentTarget);
        onEnd(comment.trim());
      }}
    >
      <input
        type="text"
        dir="auto"
        maxLength={4000}
        value={comment}
        placeholder={texts.comment}
        aria-label={texts.comment}
        onInput={(event) => setComment(event.currentTarget.value)}
      />
      <button
        type="button"
        class="chip"
        onClick={({ currentTarget }) => {
          keepFocus(currentTarget);
          onEnd('');
        }}
      >
        {texts.skip}
      </button>
      <button type="submit" class="chip primary">
        {texts.sendComment}
      </button>
    </form>
  );
}
