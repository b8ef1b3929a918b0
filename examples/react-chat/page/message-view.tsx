import { getToolName } from 'ai';
import type { DynamicToolUIPart, FileUIPart, SourceUrlUIPart } from 'ai';
import type { ReactNode } from 'react';

import type { Button, Message } from './api.ts';

type OnChoose = (button: Button) => void;

interface MessageViewProps {
  readonly message: Message;
  /** Without it the buttons are history, and not shown. */
  readonly onChoose?: OnChoose;
}

export function MessageView({ message: { role, parts }, onChoose }: MessageViewProps): ReactNode {
  return <li className={role}>{parts.map((part, index) => viewOf(part, index, onChoose))}</li>;
}

function viewOf(part: Message['parts'][number], key: number, onChoose?: OnChoose): ReactNode {
  switch (part.type) {
    case 'text':
      return part.text && <p key={key}>{part.text}</p>;
    case 'reasoning':
      return <Thoughts key={key} text={part.text} />;
    case 'dynamic-tool':
      return <Tool key={key} tool={part} />;
    case 'source-url':
      return <Source key={key} source={part} />;
    case 'file':
      return <File key={key} file={part} />;
    case 'data-buttons':
      return onChoose && <Buttons key={key} buttons={part.data.buttons} onChoose={onChoose} />;
    default:
      return null;
  }
}

function Thoughts({ text }: { readonly text: string }): ReactNode {
  return (
    <details>
      <summary>Thoughts</summary>
      <div>{text}</div>
    </details>
  );
}

/** A tool of the app, or a step of its pipeline, by its title. */
function Tool({ tool }: { readonly tool: DynamicToolUIPart }): ReactNode {
  const title = tool.title ?? getToolName(tool);
  switch (tool.state) {
    case 'output-available':
      return <small>✓ {title}</small>;
    case 'output-error':
      return <small>✗ {tool.errorText}</small>;
    case 'input-available':
      return <small>{title}…</small>;
    default:
      return null;
  }
}

function Source({ source: { url, title } }: { readonly source: SourceUrlUIPart }): ReactNode {
  return (
    <a className="chip" href={url} target="_blank" rel="noopener noreferrer">
      {title ?? url}
    </a>
  );
}

function File({ file }: { readonly file: FileUIPart }): ReactNode {
  const { url, mediaType, filename, providerMetadata } = file;
  // A part has no name while it is streamed.
  const live = providerMetadata?.['jims']?.['filename'];
  const name = filename ?? (typeof live === 'string' ? live : 'file');
  const isImage = mediaType.startsWith('image/');
  return (
    <a className={isImage ? 'picture' : 'chip'} href={url} download={name}>
      {isImage ? <img src={url} alt={name} /> : name}
    </a>
  );
}

interface ButtonsProps {
  readonly buttons: readonly Button[];
  readonly onChoose: OnChoose;
}

function Buttons({ buttons, onChoose }: ButtonsProps): ReactNode {
  return (
    <div className="buttons">
      {buttons.map((button) => (
        <button type="button" key={button.id} onClick={() => onChoose(button)}>
          {button.text}
        </button>
      ))}
    </div>
  );
}
