import type { JSX } from 'preact';

import { useTexts } from './chat-context.ts';
import { CopyButton } from './copy-button.tsx';

interface CodeBlockProps {
  readonly text: string;
  readonly language: string;
}

/** Code that scrolls inside of its frame. */
export function CodeBlock({ text, language }: CodeBlockProps): JSX.Element {
  const { copyCode } = useTexts();
  return (
    <div class="code" dir="ltr" part="code">
      <div class="code-head">
        <span>{language}</span>
        <CopyButton text={text} label={copyCode} class="quiet" />
      </div>
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </div>
  );
}
