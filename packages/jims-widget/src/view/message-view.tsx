import type { ChatMessage, ChatQuestion, ChatSource } from 'jims-client';
import { Component } from 'preact';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { hostOf, linkAddress } from '../markdown/addresses.ts';
import { answerText } from './answer-text.ts';
import { useChat, useTexts, useWriteAgain } from './chat-context.ts';
import { EditForm } from './edit-form.tsx';
import { FileList } from './file-view.tsx';
import { Icon } from './icons.tsx';
import { focusField, keepFocus } from './keep-focus.ts';
import { MarkdownView } from './markdown-view.tsx';
import { MessageTools } from './message-tools.tsx';
import { Choices, QuestionView } from './question-view.tsx';
import { RetryButton } from './retry-button.tsx';
import { WorkList } from './work-view.tsx';

/** What is shown of a message at once; a longer one has a button for the rest. */
const SHOWN_LENGTH = 200_000;

interface MessageProps {
  readonly message: ChatMessage;
  readonly isLast: boolean;
  /** Whether it may be changed now. */
  readonly isReady: boolean;
  /** Whether the host shows more about it. */
  readonly isSelected: boolean;
  /** Whether its buttons can be clicked. */
  readonly hasChoices: boolean;
  /** The open question, when it asks that. */
  readonly question: ChatQuestion | undefined;
  /** What the members of an answer are called, as far as it is known; `undefined`: no question is before it. */
  readonly labels: ReadonlyMap<string, string> | undefined;
}

const PROPS = [
  'message',
  'isLast',
  'isReady',
  'isSelected',
  'hasChoices',
  'question',
  'labels',
] as const satisfies readonly (keyof MessageProps)[];

/** One message. It is drawn again only when something about it is new. */
export class MessageItem extends Component<MessageProps> {
  override shouldComponentUpdate(next: MessageProps): boolean {
    const { props } = this;
    return PROPS.some((name) => props[name] !== next[name]);
  }

  override render(props: MessageProps): JSX.Element {
    const { role, state } = props.message;
    return (
      <li
        class={`message ${role} ${state}${props.isLast ? ' last' : ''}`}
        aria-current={props.isSelected ? 'true' : undefined}
        part={`message ${role}-message`}
      >
        <MessageContent {...props} />
      </li>
    );
  }
}

function MessageContent(props: MessageProps): JSX.Element {
  const { message, isReady } = props;
  const texts = useTexts();
  const [isEdited, setEdited] = useState(false);
  const { role, state } = message;
  const isEditable = isReady && message.type === 'comm.user_message';
  const isOver = state === 'complete' || state === 'partial';
  return (
    <>
      <span class="unseen">{role === 'user' ? texts.you : texts.assistant}: </span>
      {message.reasoning !== '' && <Reasoning text={message.reasoning} />}
      <WorkList work={message.tools} />
      {isEdited ? (
        <EditForm message={message} onEnd={() => setEdited(false)} />
      ) : (
        <Body {...props} />
      )}
      <FileList files={message.files} />
      <Sources sources={message.sources} />
      <Note {...props} />
      <Replies {...props} />
      {isOver && !isEdited && (
        <MessageTools message={message} {...(isEditable && { onEdit: () => setEdited(true) })} />
      )}
    </>
  );
}

/** What became of the message. */
function Note({ message, isReady, isLast }: MessageProps): JSX.Element | null {
  const texts = useTexts();
  const { state, isUnanswered } = message;
  if (state === 'failed') return <Failed message={message} />;
  if (isUnanswered) {
    return (
      <p class="note problem">
        {texts.noAnswer}
        {isReady && isLast && <RetryButton />}
      </p>
    );
  }
  if (state !== 'partial' && state !== 'queued') return null;
  return <p class="note muted">{state === 'partial' ? texts.stopped : texts.queued}</p>;
}

/** What the message can be answered by beside words. */
function Replies({ message, hasChoices, question }: MessageProps): JSX.Element | null {
  if (question) return <QuestionView key={question.id} question={question} isSaid />;
  return hasChoices ? <Choices buttons={message.buttons} /> : null;
}

function Body(props: MessageProps): JSX.Element {
  const { onSelect } = useChat();
  if (!onSelect) {
    return (
      <div class="body">
        <Text {...props} />
      </div>
    );
  }
  // For keyboards the same is a button of the message.
  return (
    <div
      class="body selectable"
      onClick={(event) => isPlainClick(event) && onSelect(props.message)}
    >
      <Text {...props} />
    </div>
  );
}

function Text({ message, labels }: MessageProps): JSX.Element | null {
  const texts = useTexts();
  const [length, setLength] = useState(SHOWN_LENGTH);
  const isUsers = message.role === 'user';
  const whole = isUsers && labels ? answerText(message.text, labels, texts) : message.text;
  const text = whole.length > length ? whole.slice(0, length) : whole;
  if (text === '') return null;
  return (
    <>
      {isUsers ? (
        <div class="plain" dir="auto" part="text">
          {text}
        </div>
      ) : (
        <MarkdownView text={text} isGrowing={message.state === 'growing'} />
      )}
      {text.length < whole.length && (
        <button type="button" class="chip" onClick={() => setLength(length + SHOWN_LENGTH)}>
          {texts.more}
        </button>
      )}
    </>
  );
}

function Reasoning({ text }: { readonly text: string }): JSX.Element {
  const { reasoning } = useTexts();
  return (
    <details class="reasoning" part="reasoning">
      <summary>
        <Icon name="open" />
        {reasoning}
      </summary>
      <div class="plain" dir="auto">
        {text}
      </div>
    </details>
  );
}

function Sources({ sources }: { readonly sources: readonly ChatSource[] }): JSX.Element | null {
  const texts = useTexts();
  const links = sources.filter(({ url }) => linkAddress(url) !== undefined);
  if (links.length === 0) return null;
  return (
    <ol class="sources" aria-label={texts.sources} part="sources">
      {links.map(({ url, title, excerpt }, index) => (
        <li key={url}>
          <a
            class="chip"
            href={url}
            title={excerpt ?? ''}
            target="_blank"
            rel="noopener noreferrer nofollow"
          >
            <span class="muted">{index + 1}</span>
            <span class="chip-text" dir="auto">
              {title ?? hostOf(url)}
            </span>
          </a>
        </li>
      ))}
    </ol>
  );
}

function Failed({ message }: { readonly message: ChatMessage }): JSX.Element {
  const { chat } = useChat();
  const writeAgain = useWriteAgain();
  const texts = useTexts();
  const choices = [
    {
      label: texts.writeAgain,
      choose: () => writeAgain(chat.discard(message.id)),
      focus: focusField,
    },
    { label: texts.discard, choose: () => void chat.discard(message.id), focus: keepFocus },
  ];
  return (
    <p class="note problem">
      {texts.notSent}
      <RetryButton />
      {choices.map(({ label, choose, focus }) => (
        <button
          key={label}
          type="button"
          class="text-button"
          onClick={({ currentTarget }) => {
            focus(currentTarget);
            choose();
          }}
        >
          {label}
        </button>
      ))}
    </p>
  );
}

/** Not a click on something that does more, and not the end of a selection. */
function isPlainClick({ target }: MouseEvent): boolean {
  const isOnControl = target instanceof Element && target.closest('a, button, summary') !== null;
  return !isOnControl && (getSelection()?.isCollapsed ?? true);
}
