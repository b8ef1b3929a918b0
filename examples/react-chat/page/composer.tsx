import type { Chat } from 'jims-client';
import { useState } from 'react';
import type { ChangeEvent, FormEvent, ReactNode } from 'react';

interface ComposerProps {
  readonly isBusy: boolean;
  readonly onSend: Chat['send'];
  readonly onStop: Chat['stop'];
}

export function Composer({ isBusy, onSend, onStop }: ComposerProps): ReactNode {
  const [text, setText] = useState('');
  const [files, setFiles] = useState<readonly File[]>([]);
  const isReady = !isBusy && (text.trim() !== '' || files.length > 0);

  function add({ target }: ChangeEvent<HTMLInputElement>): void {
    setFiles([...files, ...(target.files ?? [])]);
    // So that the same file can be chosen again.
    target.value = '';
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isReady) return;
    // What goes wrong is in the chat's `error`.
    onSend(text, { files }).catch(() => {});
    setText('');
    setFiles([]);
  }

  return (
    <form onSubmit={submit}>
      {files.length > 0 && (
        <ul className="chosen" aria-label="Files to send">
          {files.map((file, index) => (
            <li key={index}>
              {file.name}
              <button
                type="button"
                aria-label={`Leave out ${file.name}`}
                onClick={() => setFiles(files.filter((other) => other !== file))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <label className="add" title="Add files">
        <input type="file" aria-label="Add files" multiple onChange={add} />
        <span aria-hidden="true">+</span>
      </label>
      <input
        aria-label="Message"
        placeholder="Write a message"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {isBusy ? (
        <button type="button" onClick={() => void onStop()}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={!isReady}>
          Send
        </button>
      )}
    </form>
  );
}
