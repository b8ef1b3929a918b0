import type { ChatWork } from 'jims-client';
import type { JSX } from 'preact';

import { useTexts } from './chat-context.ts';
import { Icon } from './icons.tsx';

/** Longer JSON is cut. */
const MAX_JSON = 4000;

/** Steps of a run, or tools of a message. */
export function WorkList({ work }: { readonly work: readonly ChatWork[] }): JSX.Element | null {
  const { steps } = useTexts();
  if (work.length === 0) return null;
  return (
    <ul class="work" aria-label={steps} part="steps">
      {work.map((one) => (
        <li key={one.id} class={`work-${one.status}`}>
          <WorkView {...one} />
        </li>
      ))}
    </ul>
  );
}

function WorkView(work: ChatWork): JSX.Element {
  const texts = useTexts();
  const { status, title, name, input, output, error } = work;
  const says = { running: texts.running, completed: texts.done, failed: texts.failed }[status];
  const label = (
    <>
      {status === 'running' && <span class="spinner" aria-hidden="true" />}
      {status === 'completed' && <Icon name="check" />}
      {status === 'failed' && <Icon name="alert" />}
      <span class="work-title">{title ?? name ?? texts.steps}</span>
      <span class="unseen">{says}</span>
    </>
  );
  if (input === undefined && output === undefined && error === undefined) {
    return <span class="work-line">{label}</span>;
  }
  return (
    <details>
      <summary class="work-line">
        {label}
        <Icon name="open" />
      </summary>
      {input !== undefined && <Value name={texts.input} value={input} />}
      {output !== undefined && <Value name={texts.output} value={output} />}
      {error !== undefined && <Value name={texts.failed} value={error} />}
    </details>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: unknown }): JSX.Element {
  return (
    <div class="value">
      <span class="muted">{name}</span>
      <pre tabIndex={0} dir="ltr">
        {shown(value)}
      </pre>
    </div>
  );
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, undefined, 2) ?? '');
  return text.length > MAX_JSON ? `${text.slice(0, MAX_JSON)}…` : text;
}
