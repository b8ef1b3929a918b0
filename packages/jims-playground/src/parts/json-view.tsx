import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { countOf, excerpt, glance } from './quantities.ts';

const PAGE = 100;
const LONG = 2000;

interface JsonProps {
  readonly value: unknown;
  /** What it is called, as a member of another value. */
  readonly name?: string | undefined;
  /** How many levels are open at first. */
  readonly open?: number;
}

/** A JSON value as a tree. What is folded is not in the page, so that large values cost nothing. */
export function Json({ value, name, open = 1 }: JsonProps): VNode {
  if (typeof value === 'string')
    return <Scalar name={name} value={<LongText text={value} isJson />} />;
  if (typeof value !== 'object' || value === null) {
    return (
      <Scalar name={name} value={<span class={`json-${typeof value}`}>{String(value)}</span>} />
    );
  }
  const isArray = Array.isArray(value);
  const members = Object.entries(value);
  if (members.length === 0)
    return <Scalar name={name} value={<span>{isArray ? '[ ]' : '{ }'}</span>} />;
  return (
    <Fold
      class="json"
      isOpen={open > 0}
      summary={
        <>
          {name !== undefined && <span class="json-name">{name}: </span>}
          <span class="json-size">{countOf(members.length, isArray ? 'item' : 'member')}</span>
          <span class="soft">{isArray ? `[ ${members.length} ]` : excerpt(glance(value), 48)}</span>
        </>
      }
    >
      {() => <Members members={members} isArray={isArray} open={open - 1} />}
    </Fold>
  );
}

function Members({
  members,
  isArray,
  open,
}: {
  readonly members: readonly (readonly [string, unknown])[];
  readonly isArray: boolean;
  readonly open: number;
}): VNode {
  const [shown, setShown] = useState(PAGE);
  return (
    <div class="json-members">
      {members.slice(0, shown).map(([key, member]) => (
        <Json key={key} name={isArray ? undefined : key} value={member} open={open} />
      ))}
      {members.length > shown && (
        <button type="button" class="link" onClick={() => setShown(shown + PAGE)}>
          {members.length - shown} more
        </button>
      )}
    </div>
  );
}

function Scalar({
  name,
  value,
}: {
  readonly name: string | undefined;
  readonly value: VNode;
}): VNode {
  return (
    <div class="json json-scalar">
      {name !== undefined && <span class="json-name">{name}: </span>}
      {value}
    </div>
  );
}

/** Text that is cut when it is long, until it is wanted. */
export function LongText({
  text,
  isJson = false,
}: {
  readonly text: string;
  readonly isJson?: boolean;
}): VNode {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? text : text.slice(0, LONG);
  return (
    <>
      <span class={isJson ? 'json-string' : 'long-text'}>
        {isJson ? JSON.stringify(shown) : shown}
      </span>
      {text.length > shown.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {text.length - shown.length} more characters
        </button>
      )}
    </>
  );
}

interface FoldProps {
  readonly summary: VNode;
  /** Made when it is opened for the first time. */
  readonly children: () => VNode | null;
  readonly isOpen?: boolean;
  readonly class?: string;
  readonly kind?: string | undefined;
}

/** What opens when its summary is activated; closed, its inside is not in the page. */
export function Fold({
  summary,
  children,
  isOpen: isOpenAtFirst = false,
  kind,
  ...rest
}: FoldProps): VNode {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <details
      {...rest}
      data-kind={kind}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>{summary}</summary>
      {isOpen && children()}
    </details>
  );
}
