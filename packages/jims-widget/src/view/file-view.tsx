import type { ChatFile } from 'jims-client';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { filled } from '../texts.ts';
import { useChat, useTexts } from './chat-context.ts';
import { Icon } from './icons.tsx';

const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif)$/;

/** The files of a message: pictures are shown, others can be downloaded. */
export function FileList({ files }: { readonly files: readonly ChatFile[] }): JSX.Element | null {
  const { attached } = useTexts();
  if (files.length === 0) return null;
  return (
    <ul class="files" aria-label={attached} part="files">
      {files.map((file, index) => (
        <li key={index}>
          <FileView file={file} />
        </li>
      ))}
    </ul>
  );
}

function FileView({ file }: { readonly file: ChatFile }): JSX.Element {
  const { readFile } = useChat();
  const texts = useTexts();
  const [isFailed, setFailed] = useState(false);
  if (file.url === undefined) return <Upload {...file} />;

  async function download(): Promise<void> {
    try {
      save(await readFile(file), file.name);
      setFailed(false);
    } catch {
      setFailed(true);
    }
  }

  const label = filled(texts.download, { name: file.name });
  const isPicture = PICTURES.test(file.mediaType);
  return (
    <>
      <button
        type="button"
        class={isPicture ? 'picture' : 'file'}
        title={label}
        onClick={() => void download()}
      >
        {isPicture ? <Picture file={file} /> : <FileLine {...file} />}
      </button>
      {isFailed && (
        <span class="problem" role="alert">
          {filled(texts.fileFailed, { name: file.name })}
        </span>
      )}
    </>
  );
}

/** Its bytes need the caller's token, so they are fetched, and not named in `src`. */
function Picture({ file }: { readonly file: ChatFile }): JSX.Element {
  const { readFile } = useChat();
  const [source, setSource] = useState<string>();
  useEffect(() => {
    let address: string | undefined;
    let isGone = false;
    readFile(file).then(
      (blob) => {
        if (isGone) return;
        address = URL.createObjectURL(blob);
        setSource(address);
      },
      () => {},
    );
    return () => {
      isGone = true;
      if (address !== undefined) URL.revokeObjectURL(address);
    };
  }, [file.fileId]);
  return source === undefined ? <FileLine {...file} /> : <img src={source} alt={file.name} />;
}

function Upload(file: ChatFile): JSX.Element {
  return (
    <div class="file">
      <FileLine {...file} />
      {file.progress < 1 && <progress value={file.progress} aria-label={file.name} />}
    </div>
  );
}

function FileLine({ name, size }: Pick<ChatFile, 'name' | 'size'>): JSX.Element {
  return (
    <>
      <Icon name="file" />
      <span class="file-name" dir="auto">
        {name}
      </span>
      <span class="muted">{sizeOf(size)}</span>
    </>
  );
}

/** Such as 12 kB, in the units of people. */
export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
