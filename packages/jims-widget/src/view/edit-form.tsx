import type { ChatMessage } from 'jims-client';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { useChat, useTexts } from './chat-context.ts';
import { keepFocus } from './keep-focus.ts';
import { isSendKey, useFittingHeight } from './text-area.ts';

interface EditFormProps {
  readonly message: ChatMessage;
  readonly onEnd: () => void;
}

/** Changes a message of the contact; the chat goes on from there. */
export function EditForm({ message, onEnd }: EditFormProps): JSX.Element {
  const { chat } = useChat();
  const texts = useTexts();
  const [text, setText] = useState(message.text);
  const area = useRef<HTMLTextAreaElement>(null);
  useFittingHeight(area, text);
  useEffect(() => area.current?.focus(), []);

  function end(): void {
    if (area.current) keepFocus(area.current);
    onEnd();
  }

  function save(): void {
    if (text.trim() === '') return;
    end();
    if (text !== message.text) chat.edit(message.id, text).catch(() => {});
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      // It closes the form, and not the panel that it is in.
      event.stopPropagation();
      end();
    } else if (isSendKey(event)) {
      event.preventDefault();
      save();
    }
  }

  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={area}
        rows={1}
        dir="auto"
        value={text}
        aria-label={texts.edit}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="row">
        <button type="button" class="chip" onClick={end}>
          {texts.cancel}
        </button>
        <button type="submit" class="chip primary">
          {texts.save}
        </button>
      </div>
    </form>
  );
}
