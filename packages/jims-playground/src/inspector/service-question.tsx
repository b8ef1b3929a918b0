import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Json } from '../parts/json-view.tsx';
import { Problem } from '../parts/problem.tsx';
import type { Service } from '../service/service.ts';
import type { AskedService } from '../service/wire.ts';
import { exampleOf } from './schema-example.ts';

interface ServiceQuestionProps {
  readonly service: Service;
  readonly questionId: string;
}

/** A question to a service that a run waits for, and a field to answer it as one. */
export function ServiceQuestion({ service, questionId }: ServiceQuestionProps): VNode {
  const [question, setQuestion] = useState<AskedService>();
  const [json, setJson] = useState('');
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let isLeft = false;
    service.question(questionId).then(
      (asked) => {
        if (isLeft) return;
        setQuestion(asked);
        setJson(JSON.stringify(exampleOf(asked.schema)));
      },
      (cause: unknown) => isLeft || setError(cause),
    );
    return () => {
      isLeft = true;
    };
  }, [service, questionId]);

  async function answer(): Promise<void> {
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
        void answer();
      }}
    >
      <h3>Waits for a service: {question?.name ?? 'a question'}</h3>
      {question?.data && <Json value={question.data} open={1} />}
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
