import type { MarkedToken, Token, Tokens } from 'marked';
import { Component } from 'preact';
import type { ComponentChildren, JSX } from 'preact';
import { useRef } from 'preact/hooks';

import { linkAddress } from '../markdown/addresses.ts';
import { withoutEntities } from '../markdown/entities.ts';
import { MarkdownBlocks } from '../markdown/markdown-blocks.ts';
import { CodeBlock } from './code-block.tsx';

/** Deeper than this, Markdown is shown as it was written. */
const MAX_DEPTH = 40;

interface MarkdownViewProps {
  readonly text: string;
  /** More text comes. */
  readonly isGrowing?: boolean;
}

/** Markdown, as nodes: HTML in it is shown as text, and links lead to web pages and mail addresses alone. */
export function MarkdownView({ text, isGrowing = false }: MarkdownViewProps): JSX.Element {
  const blocks = useRef(new MarkdownBlocks()).current.of(isGrowing ? withoutBeginning(text) : text);
  return (
    <div class="markdown" dir="auto" part="text">
      {blocks.map((token, index) => (
        <BlockView key={index} token={token} />
      ))}
    </div>
  );
}

/** One `-` below a line makes a heading of that line, until the item that it begins is there. */
function withoutBeginning(text: string): string {
  return text.replace(/\n {0,3}[-=*+|#]{1,3}[ \t]*$/, '');
}

/** Is drawn again only when its token is another one. */
class BlockView extends Component<{ readonly token: Token }> {
  override shouldComponentUpdate(next: { readonly token: Token }): boolean {
    return next.token !== this.props.token;
  }

  override render({ token }: { readonly token: Token }): ComponentChildren {
    return node(token, 0);
  }
}

function nodes(tokens: readonly Token[] | undefined, depth: number): ComponentChildren {
  return tokens?.map((token) => node(token, depth + 1));
}

function node(given: Token, depth: number): ComponentChildren {
  if (depth > MAX_DEPTH) return given.raw;
  // Only a lexer with extensions makes other ones.
  const token = given as MarkedToken; // oxlint-disable-line typescript/no-unsafe-type-assertion
  return phrase(token, depth) ?? part(token, depth);
}

/** What is within a line. */
function phrase(token: MarkedToken, depth: number): ComponentChildren {
  switch (token.type) {
    case 'text':
      return token.tokens ? nodes(token.tokens, depth) : withoutEntities(token.text);
    case 'escape':
      return token.text;
    case 'strong':
      return <strong>{nodes(token.tokens, depth)}</strong>;
    case 'em':
      return <em>{nodes(token.tokens, depth)}</em>;
    case 'del':
      return <del>{nodes(token.tokens, depth)}</del>;
    case 'codespan':
      return <code>{token.text}</code>;
    case 'br':
      return <br />;
    case 'checkbox':
      return token.checked ? '☑ ' : '☐ ';
    default:
      return undefined;
  }
}

/** Everything else. */
function part(token: MarkedToken, depth: number): ComponentChildren {
  switch (token.type) {
    case 'paragraph':
      return <p>{nodes(token.tokens, depth)}</p>;
    case 'heading':
      return <Heading level={token.depth}>{nodes(token.tokens, depth)}</Heading>;
    case 'code':
      return <CodeBlock text={token.text} language={languageOf(token)} />;
    case 'list':
      return list(token, depth);
    case 'blockquote':
      return <blockquote>{nodes(token.tokens, depth)}</blockquote>;
    case 'table':
      return table(token, depth);
    case 'hr':
      return <hr />;
    case 'link':
      return link(token, nodes(token.tokens, depth));
    case 'image':
      return link(token, withoutEntities(token.text) || token.href);
    case 'html':
      return html(token);
    default:
      return undefined;
  }
}

function link(token: Tokens.Link | Tokens.Image, content: ComponentChildren): ComponentChildren {
  const address = linkAddress(withoutEntities(token.href));
  if (address === undefined) return content;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {content}
    </a>
  );
}

/** Below the headings that a host page may have, and no deeper than their looks differ. */
function Heading({
  level,
  children,
}: {
  readonly level: number;
  readonly children: ComponentChildren;
}): JSX.Element {
  if (level <= 1) return <h3>{children}</h3>;
  return level === 2 ? <h4>{children}</h4> : <h5>{children}</h5>;
}

function list({ ordered, start, items, loose }: Tokens.List, depth: number): JSX.Element {
  const content = items.map((item) => (
    <li class={item.task ? 'task' : undefined}>{nodes(item.tokens, depth)}</li>
  ));
  const looks = loose ? 'loose' : undefined;
  if (!ordered) return <ul class={looks}>{content}</ul>;
  return (
    <ol class={looks} start={start === '' ? 1 : start}>
      {content}
    </ol>
  );
}

function table({ header, rows }: Tokens.Table, depth: number): JSX.Element {
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th class={cell.align ?? undefined} scope="col">
                {nodes(cell.tokens, depth)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td class={cell.align ?? undefined}>{nodes(cell.tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function html(token: Tokens.HTML | Tokens.Tag): ComponentChildren {
  // Models break lines in tables so.
  if (/^<br\s*\/?>$/i.test(token.raw.trim())) return <br />;
  return token.block ? <p class="raw">{token.raw.trim()}</p> : token.raw;
}

function languageOf({ lang }: Tokens.Code): string {
  return /^[\w+#.-]{1,24}/.exec(lang ?? '')?.[0] ?? '';
}
