import type { ModelAnswer, ModelCall, ModelMessage, ModelPart, ModelRequest } from 'jims-client';
import type { VNode } from 'preact';

import { Fold, Json } from '../parts/json-view.tsx';
import { cost, count, countOf, duration, excerpt } from '../parts/quantities.ts';
import { Part, Prose } from './entry-parts.tsx';
import type { Fact } from './entry-parts.tsx';

/** A call of a model: its prompt and its answer. */
export function ModelDetails({ call }: { readonly call: ModelCall }): VNode {
  const { request, answer } = call;
  return (
    <>
      <Part title="Error" value={call.error} />
      {request && <Prompt request={request} />}
      {answer && <Answer answer={answer} />}
    </>
  );
}

/** What a call cost, and how it went. */
export function modelFacts(call: ModelCall): readonly Fact[] {
  const { tokens } = call;
  return [
    ['Provider', call.provider],
    ['Call', call.operation],
    [
      'Prompt',
      tokens &&
        `${countOf(tokens.prompt, 'token')}${tokens.cached > 0 ? `, ${count(tokens.cached)} cached` : ''}`,
    ],
    ['Answer', tokens && countOf(tokens.completion, 'token')],
    ['Cost', call.cost_usd === null ? 'price not known' : cost(call.cost_usd)],
    [
      'First piece',
      call.first_piece_ms === null ? undefined : `after ${duration(call.first_piece_ms)}`,
    ],
    ['Tries', call.tries > 1 ? count(call.tries) : undefined],
    ['Replayed', call.replayed ? 'yes: its result was stored' : undefined],
  ];
}

function Prompt({ request }: { readonly request: ModelRequest }): VNode {
  const { messages, tools, settings } = request;
  const isSet = Object.keys(settings).length > 0;
  return (
    <div class="part">
      <h4>Prompt</h4>
      <ol class="prompt">
        {messages.map((message, index) => (
          // The position is the identity: a prompt does not change.
          <li key={index}>
            <PromptMessage message={message} isOpen={messages.length - index <= 2} />
          </li>
        ))}
      </ol>
      <Part title="Texts" value={request.texts} />
      <Part title="Query" value={request.query} />
      {tools.length > 0 && (
        <Fold
          class="sub"
          summary={
            <span>
              {countOf(tools.length, 'tool')}: {excerpt(tools.map(({ name }) => name).join(', '))}
            </span>
          }
        >
          {() => (
            <Json value={Object.fromEntries(tools.map(({ name, ...tool }) => [name, tool]))} />
          )}
        </Fold>
      )}
      {isSet && (
        <Fold class="sub" summary={<span>Settings</span>}>
          {() => <Json value={settings} />}
        </Fold>
      )}
    </div>
  );
}

function PromptMessage({
  message,
  isOpen,
}: {
  readonly message: ModelMessage;
  readonly isOpen: boolean;
}): VNode {
  const { role, parts } = message;
  return (
    <Fold
      class="prompt-message"
      isOpen={isOpen}
      summary={
        <>
          <span class="role" data-role={role}>
            {role}
          </span>
          <span class="entry-about">{excerpt(parts.map(partGlance).join(' '), 90)}</span>
        </>
      }
    >
      {() => (
        <>
          {parts.map((part, index) => (
            <PromptPart key={index} part={part} />
          ))}
        </>
      )}
    </Fold>
  );
}

function partGlance({ type, text, name, media_type: mediaType }: ModelPart): string {
  if (type === 'tool_call') return `calls ${name ?? ''}`;
  if (type === 'tool_result') return `result of ${name ?? ''}`;
  return text ?? mediaType ?? type;
}

function PromptPart({ part }: { readonly part: ModelPart }): VNode {
  if (part.type === 'tool_call')
    return <Part title={`Calls ${part.name ?? ''}`} value={part.input ?? {}} />;
  if (part.type === 'tool_result')
    return <Part title={`Result of ${part.name ?? ''}`} value={part.output ?? ''} />;
  if (part.text !== undefined) return <Prose text={part.text} />;
  return <Prose text={part.media_type ?? part.type} />;
}

function Answer({ answer }: { readonly answer: ModelAnswer }): VNode {
  return (
    <div class="part">
      <h4>Answer</h4>
      {answer.reasoning !== undefined && (
        <Fold class="sub" summary={<span>Reasoning</span>}>
          {() => <Prose text={answer.reasoning ?? ''} />}
        </Fold>
      )}
      {answer.text !== '' && <Prose text={answer.text} />}
      {answer.tool_calls?.map(({ id, name, input }) => (
        <Part key={id} title={`Calls ${name}`} value={input ?? {}} />
      ))}
      <Part title="Vectors" value={answer.vectors} />
      <Part title="Ranking" value={answer.ranking} />
      {answer.finish_reason !== undefined && <p class="soft">Finished: {answer.finish_reason}</p>}
    </div>
  );
}
