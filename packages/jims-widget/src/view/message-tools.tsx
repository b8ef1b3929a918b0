import type { ChatFeedback, ChatMessage } from 'jims-client';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { useChat, useTexts } from './chat-context.ts';
import { CopyButton } from './copy-button.tsx';
import { IconButton } from './icon-button.tsx';
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
        {onEdit && <IconButton icon="edit" class="quiet" label={texts.edit} onClick={onEdit} />}
        {isRated && <Feedback message={message} />}
        {onSelect && (
          <IconButton
            icon="details"
            class="quiet"
            label={texts.select}
            onClick={() => onSelect(message)}
          />
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
        <IconButton
          icon={value === 'up' ? 'good' : 'bad'}
          key={value}
          class="quiet"
          aria-pressed={given === value}
          label={value === 'up' ? texts.good : texts.bad}
          onClick={() => rate(value)}
        />
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
