import type { FileUIPart } from 'ai';
import { useState } from 'react';
import type { ChangeEvent, FormEvent, ReactNode } from 'react';

interface ComposerProps {
  readonly busy: boolean;
  readonly onUpload: (file: File) => Promise<FileUIPart>;
  readonly onSend: (text: string, files: FileUIPart[]) => void;
  readonly onStop: () => void;
}

export function Composer({ busy, onUpload, onSend, onStop }: ComposerProps): ReactNode {
  const [text, setText] = useState('');
  const [files, setFiles] = useState<FileUIPart[]>([]);
  const [uploading, setUploading] = useState(0);
  const [problem, setProblem] = useState('');
  const isReady = !busy && uploading === 0 && (text.trim() !== '' || files.length > 0);

  async function upload(file: File): Promise<void> {
    setUploading((count) => count + 1);
    try {
      const part = await onUpload(file);
      setFiles((others) => [...others, part]);
    } catch (error) {
      setProblem(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      setUploading((count) => count - 1);
    }
  }

  function add({ target }: ChangeEvent<HTMLInputElement>): void {
    setProblem('');
    for (const file of target.files ?? []) void upload(file);
    // So that the same file can be chosen again.
    target.value = '';
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!isReady) return;
    onSend(text, files);
    setText('');
    setFiles([]);
  }

  return (
    <form onSubmit={submit}>
      {problem && <p role="alert">{problem}</p>}
      {(files.length > 0 || uploading > 0) && (
        <ul className="chosen" aria-label="Files to send">
          {files.map((file) => (
            <li key={file.url}>
              {file.filename}
              <button
                type="button"
                aria-label={`Leave out ${file.filename}`}
                onClick={() => setFiles(files.filter((other) => other !== file))}
              >
                ×
              </button>
            </li>
          ))}
          {uploading > 0 && <li>Uploading…</li>}
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
      {busy ? (
        <button type="button" onClick={onStop}>
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
