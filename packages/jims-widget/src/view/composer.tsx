import type { ChatSnapshot } from 'jims-client';
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { filled } from '../texts.ts';
import { useChat, useTexts } from './chat-context.ts';
import { sizeOf } from './file-view.tsx';
import { IconButton } from './icon-button.tsx';
import { Icon } from './icons.tsx';
import { isSendKey, useFittingHeight } from './text-area.ts';

/** What is written, and not sent. */
export interface Draft {
  readonly text: string;
  readonly files: readonly File[];
}

interface ComposerProps {
  readonly snapshot: ChatSnapshot;
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  /** After something was sent. */
  readonly onSent: () => void;
}

/** Where a message is written. */
export function Composer({ snapshot, draft, onDraft, onSent }: ComposerProps): JSX.Element {
  const { chat } = useChat();
  const texts = useTexts();
  const { text, files } = draft;
  const onFiles = (now: readonly File[]): void => onDraft({ text, files: now });
  const area = useRef<HTMLTextAreaElement>(null);
  useFittingHeight(area, text);
  const isAnswering = snapshot.status === 'answering' || snapshot.run !== undefined;
  // What is sent while the connection is lost waits for it.
  const isTaken = snapshot.status === 'ready' || snapshot.status === 'reconnecting';
  const isSendable = isTaken && (text.trim() !== '' || files.length > 0);

  function send(): void {
    if (!isSendable) return;
    // What fails stays in the chat, with a button to send it again.
    chat.send(text, files.length > 0 ? { files } : {}).catch(() => {});
    onDraft({ text: '', files: [] });
    onSent();
  }

  function paste(event: ClipboardEvent): void {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length === 0) return;
    event.preventDefault();
    onFiles([...files, ...pasted]);
  }

  function act(): void {
    area.current?.focus();
    if (isAnswering) void chat.stop().catch(() => {});
    else send();
  }

  return (
    <form
      class="composer"
      part="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <ChosenFiles files={files} onFiles={onFiles} />
      <div class="composer-row">
        <AttachButton onFiles={(more) => onFiles([...files, ...more])} />
        <textarea
          ref={area}
          rows={1}
          dir="auto"
          class="input"
          part="input"
          value={text}
          aria-label={texts.message}
          placeholder={snapshot.question ? texts.answerPlaceholder : texts.placeholder}
          enterkeyhint="send"
          onInput={(event) => onDraft({ text: event.currentTarget.value, files })}
          onPaste={paste}
          onKeyDown={(event) => {
            if (!isSendKey(event)) return;
            event.preventDefault();
            send();
          }}
        />
        <IconButton
          class="round"
          part="send"
          icon={isAnswering ? 'stop' : 'send'}
          label={isAnswering ? texts.stop : texts.send}
          aria-disabled={!isAnswering && !isSendable}
          onClick={act}
        />
      </div>
    </form>
  );
}

function AttachButton({
  onFiles,
}: {
  readonly onFiles: (files: readonly File[]) => void;
}): JSX.Element {
  const { attach } = useTexts();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <IconButton
        class="quiet attach"
        icon="attach"
        label={attach}
        onClick={() => input.current?.click()}
      />
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])]);
          // So that the same file can be chosen again.
          currentTarget.value = '';
        }}
      />
    </>
  );
}

interface ChosenFilesProps {
  readonly files: readonly File[];
  readonly onFiles: (files: readonly File[]) => void;
}

function ChosenFiles({ files, onFiles }: ChosenFilesProps): JSX.Element | null {
  const texts = useTexts();
  if (files.length === 0) return null;
  return (
    <ul class="files chosen" aria-label={texts.attached}>
      {files.map((file, index) => (
        <li key={index} class="file">
          <Preview file={file} />
          <span class="file-name" dir="auto">
            {file.name}
          </span>
          <span class="muted">{sizeOf(file.size)}</span>
          <button
            type="button"
            class="quiet small"
            aria-label={filled(texts.removeFile, { name: file.name })}
            onClick={() => onFiles(files.filter((other) => other !== file))}
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Preview({ file }: { readonly file: File }): JSX.Element {
  const [source, setSource] = useState<string>();
  useEffect(() => {
    if (!/^image\/(?!svg)/.test(file.type)) return undefined;
    const address = URL.createObjectURL(file);
    setSource(address);
    return () => URL.revokeObjectURL(address);
  }, [file]);
  return source === undefined ? <Icon name="file" /> : <img src={source} alt="" />;
}
