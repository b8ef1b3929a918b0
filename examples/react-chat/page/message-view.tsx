import type { Chat, ChatFile, ChatMessage, ChatSource, ChatWork } from 'jims-client';
import type { ReactNode } from 'react';

interface MessageViewProps {
  readonly message: ChatMessage;
  /** Without it the buttons are history, and not shown. */
  readonly onChoose?: Chat['click'];
}

export function MessageView({ message, onChoose }: MessageViewProps): ReactNode {
  const { role, text, reasoning, tools, sources, files, buttons, state } = message;
  return (
    <li className={role} aria-busy={state === 'sending' || state === 'growing'}>
      {reasoning && (
        <details>
          <summary>Thoughts</summary>
          <div>{reasoning}</div>
        </details>
      )}
      {tools.map((tool) => (
        <small key={tool.id}>{labelOf(tool)}</small>
      ))}
      {text && <p>{text}</p>}
      {sources.map((source) => (
        <Source key={source.url} source={source} />
      ))}
      {files.map((file) => (
        <File key={file.fileId ?? file.name} file={file} />
      ))}
      {onChoose && buttons.length > 0 && (
        <div className="buttons">
          {buttons.map(({ id, text: label }) => (
            <button type="button" key={id} onClick={() => void onChoose(id)}>
              {label}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

function labelOf({ title, name, status }: ChatWork): string {
  const label = title ?? name ?? '';
  if (status === 'running') return `${label}…`;
  return `${status === 'completed' ? '✓' : '✗'} ${label}`;
}

function Source({ source: { url, title } }: { readonly source: ChatSource }): ReactNode {
  return (
    <a className="chip" href={url} target="_blank" rel="noopener noreferrer">
      {title ?? url}
    </a>
  );
}

function File({
  file: { url, name, mediaType, progress },
}: {
  readonly file: ChatFile;
}): ReactNode {
  const isPicture = url !== undefined && mediaType.startsWith('image/');
  return (
    <a className={isPicture ? 'picture' : 'chip'} href={url} download={name}>
      {isPicture ? <img src={url} alt={name} /> : name}
      {progress < 1 && ` ${Math.round(progress * 100)} %`}
    </a>
  );
}
