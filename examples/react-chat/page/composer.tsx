import { useRef, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';

interface ComposerProps {
  readonly busy: boolean;
  readonly onSend: (text: string, files: FileList | undefined) => void;
  readonly onStop: () => void;
}

export function Composer({ busy, onSend, onStop }: ComposerProps): ReactNode {
  const [text, setText] = useState('');
  const [files, setFiles] = useState<FileList>();
  const chooser = useRef<HTMLInputElement>(null);
  const isEmpty = text.trim() === '' && !files?.length;

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (busy || isEmpty) return;
    onSend(text, files);
    setText('');
    setFiles(undefined);
    if (chooser.current) chooser.current.value = '';
  }

  return (
    <form onSubmit={submit}>
      <input
        aria-label="Message"
        placeholder="Write a message"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <input
        type="file"
        aria-label="Files"
        multiple
        ref={chooser}
        onChange={({ target }) => setFiles(target.files ?? undefined)}
      />
      {busy ? (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button type="submit" disabled={isEmpty}>
          Send
        </button>
      )}
    </form>
  );
}
