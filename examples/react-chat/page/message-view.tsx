import type { FileUIPart } from 'ai';
import type { ReactNode } from 'react';

import type { Button, Message } from './api.ts';

interface MessageViewProps {
  readonly message: Message;
  /** Without it the buttons are history, and not shown. */
  readonly onChoose?: (button: Button) => void;
}

/** Its address is a data URL until the page is loaded anew, then that of the stored file. */
function FileView({ file }: { readonly file: FileUIPart }): ReactNode {
  const { url, mediaType, filename = 'file' } = file;
  if (mediaType.startsWith('image/')) return <img src={url} alt={filename} />;
  return (
    <p>
      <a href={url} download={filename}>
        {filename}
      </a>
    </p>
  );
}

export function MessageView({ message: { role, parts }, onChoose }: MessageViewProps): ReactNode {
  return (
    <li className={role}>
      {parts.map((part, index) => {
        if (part.type === 'text') return <p key={index}>{part.text}</p>;
        if (part.type === 'file') return <FileView key={index} file={part} />;
        if (part.type !== 'data-buttons' || !onChoose) return null;
        return (
          <div className="buttons" key={index}>
            {part.data.buttons.map((button) => (
              <button type="button" key={button.id} onClick={() => onChoose(button)}>
                {button.text}
              </button>
            ))}
          </div>
        );
      })}
    </li>
  );
}
