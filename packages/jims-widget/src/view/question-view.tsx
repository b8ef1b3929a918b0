import type { ChatQuestion } from 'jims-client';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { choicesOf, fieldsOf } from './answer-schema.ts';
import type { AnswerField } from './answer-schema.ts';
import { useChat, useTexts } from './chat-context.ts';
import { Icon } from './icons.tsx';
import { keepFocus } from './keep-focus.ts';

interface QuestionProps {
  readonly question: ChatQuestion;
  /** Whether the text of the question is a message above. */
  readonly isSaid: boolean;
}

/** The open question, with what it can be answered by beside words. */
export function QuestionView({ question, isSaid }: QuestionProps): JSX.Element {
  const { chat } = useChat();
  const texts = useTexts();
  const fields = fieldsOf(question.schema);
  const choices = choicesOf(question.schema, texts);
  const answer = (value: unknown): void => void chat.answer(value).catch(() => {});
  return (
    <div class="question" role="group" aria-label={texts.question} part="question">
      <p class="question-head">
        <Icon name="chat" />
        {texts.question}
      </p>
      {!isSaid && question.text !== undefined && <p dir="auto">{question.text}</p>}
      <Choices buttons={question.buttons} />
      {question.buttons.length === 0 && choices.length > 0 && (
        <div class="buttons">
          {choices.map(({ label, value }) => (
            <button
              key={label}
              type="button"
              class="chip choice"
              onClick={({ currentTarget }) => {
                keepFocus(currentTarget);
                answer(value);
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      {fields.length > 0 && <AnswerForm fields={fields} onAnswer={answer} />}
    </div>
  );
}

/** Buttons of a message or a question. */
export function Choices({
  buttons,
}: {
  readonly buttons: ChatQuestion['buttons'];
}): JSX.Element | null {
  const { chat } = useChat();
  if (buttons.length === 0) return null;
  return (
    <div class="buttons" part="buttons">
      {buttons.map(({ id, text }) => (
        <button
          key={id}
          type="button"
          class="chip choice"
          dir="auto"
          part="button"
          onClick={({ currentTarget }) => {
            keepFocus(currentTarget);
            chat.click(id).catch(() => {});
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

interface AnswerFormProps {
  readonly fields: readonly AnswerField[];
  readonly onAnswer: (value: Readonly<Record<string, unknown>>) => void;
}

function AnswerForm({ fields, onAnswer }: AnswerFormProps): JSX.Element {
  const { answer } = useTexts();
  const [values, setValues] = useState<Readonly<Record<string, unknown>>>(() =>
    Object.fromEntries(
      fields.map(({ name, kind }) => [name, kind === 'checkbox' ? false : undefined]),
    ),
  );
  const set = (name: string, value: unknown): void => setValues({ ...values, [name]: value });
  return (
    <form
      class="answer-form"
      onSubmit={(event) => {
        event.preventDefault();
        keepFocus(event.currentTarget);
        onAnswer(values);
      }}
    >
      {fields.map((field) => (
        <label key={field.name} class={field.kind}>
          <span>{field.label}</span>
          <FieldInput
            field={field}
            value={values[field.name]}
            onValue={(value) => set(field.name, value)}
          />
        </label>
      ))}
      <button type="submit" class="chip primary">
        {answer}
      </button>
    </form>
  );
}

interface FieldInputProps {
  readonly field: AnswerField;
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
}

function FieldInput({ field, value, onValue }: FieldInputProps): JSX.Element {
  const { kind, isRequired, choices, limits } = field;
  if (kind === 'select') {
    return (
      <select
        required={isRequired}
        onChange={({ currentTarget }) => onValue(choices[currentTarget.selectedIndex - 1])}
      >
        <option value="" />
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  if (kind === 'checkbox') {
    return (
      <input
        type="checkbox"
        checked={value === true}
        onChange={({ currentTarget }) => onValue(currentTarget.checked)}
      />
    );
  }
  const attributes = {
    ...limits,
    required: isRequired,
    dir: 'auto' as const,
    onInput: ({ currentTarget }: { readonly currentTarget: HTMLInputElement }): void =>
      onValue(valueOf(currentTarget)),
  };
  // Of the two kinds together TypeScript does not see that either is right.
  return kind === 'number' ? (
    <input type="number" {...attributes} />
  ) : (
    <input type="text" {...attributes} />
  );
}

function valueOf({ type, value, valueAsNumber }: HTMLInputElement): unknown {
  if (value === '') return undefined;
  return type === 'number' ? valueAsNumber : value;
}
