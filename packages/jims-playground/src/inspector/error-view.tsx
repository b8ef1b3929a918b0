import type { SourcePosition, TraceError } from 'jims-client';
import type { VNode } from 'preact';

import { Fold } from '../parts/json-view.tsx';

/** Why a run failed: what was thrown, where, and what led to it. */
export function ErrorView({ error }: { readonly error: TraceError }): VNode {
  return (
    <section class="error-card" aria-label="Error">
      <h3>
        {error.name}: {error.message}
      </h3>
      <p class="soft">
        <code>{error.code}</code> {error.detail !== error.message && error.detail}
      </p>
      {error.source && <Excerpt source={error.source} />}
      {error.stack !== null && (
        <Fold class="sub" summary={<span>Stack</span>}>
          {() => <pre class="stack">{error.stack}</pre>}
        </Fold>
      )}
      {error.causes.map((cause, index) => (
        <Fold
          key={index}
          class="sub"
          summary={
            <span>
              Caused by {cause.name}: {cause.message}
            </span>
          }
        >
          {() => <pre class="stack">{cause.stack ?? cause.message}</pre>}
        </Fold>
      ))}
    </section>
  );
}

/** Lines of a file; the one that is meant stands out. */
export function Excerpt({ source }: { readonly source: SourcePosition }): VNode {
  const { file, line, column, excerpt } = source;
  return (
    <figure class="excerpt">
      <figcaption>
        <code>
          {file}:{line}:{column}
        </code>
      </figcaption>
      <pre tabIndex={0} role="region" aria-label={`${file}, line ${line}`}>
        {excerpt.map(({ line: number, text }) => (
          <span key={number} class={number === line ? 'here' : undefined}>
            <span class="line-number">{number}</span>
            {number === line ? <Marked text={text} column={column} /> : text}
            {'\n'}
          </span>
        ))}
      </pre>
    </figure>
  );
}

/** The text of a line, with a mark at a column. */
function Marked({ text, column }: { readonly text: string; readonly column: number }): VNode {
  const [first = ''] = text.slice(column - 1);
  const end = column - 1 + first.length;
  return (
    <>
      {text.slice(0, column - 1)}
      <span class="column">{first}</span>
      {text.slice(end)}
    </>
  );
}
