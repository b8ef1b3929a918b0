import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Problem } from '../parts/problem.tsx';
import type { Service } from '../service/service.ts';
import type { Trace } from '../service/wire.ts';

/** A question to a service that a run waits for, and a field to answer it as one. */
export function ServiceQuestion({
  service,
  trace,
}: {
  readonly service: Service;
  readonly trace: Trace;
}): VNode | null {
  const question = trace.entries.findLast((entry) => entry.kind === 'question');
  const [json, setJson] = useState('{}');
  const [error, setError] = useState<unknown>();
  if (trace.status !== 'waiting' || question?.audience !== 'service') return null;

  async function answer(questionId: string): Promise<void> {
    try {
      setError(undefined);
      await service.answer(questionId, JSON.parse(json));
    } catch (cause) {
      setError(cause);
    }
  }

  return (
    <form
      class="question-card"
      aria-label="Question to a service"
      onSubmit={(event) => {
        event.preventDefault();
        void answer(question.id);
      }}
    >
      <h3>Waits for a service: {question.name ?? 'a question'}</h3>
      {question.text !== undefined && <p>{question.text}</p>}
      <label class="field">
        Answer, as JSON
        <textarea
          rows={2}
          spellcheck={false}
          value={json}
          onInput={(event) => setJson(event.currentTarget.value)}
        />
      </label>
      <Problem error={error} />
      <button type="submit" class="primary">
        Answer
      </button>
    </form>
  );
}
