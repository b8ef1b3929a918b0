import type { JimsAppOptions } from 'jims-core';
import { scriptedModel, toolCall } from 'jims-core/testing';
import type { ScriptedAnswer } from 'jims-core/testing';

import { app } from '../../../../examples/support/app.ts';

const sorted = (kind: string, title: string): ScriptedAnswer => ({ json: { kind, title } });

/** The support example; its models answer these, in order. */
export function supportApp(answers: readonly ScriptedAnswer[]): Omit<JimsAppOptions, 'store'> {
  const { name, durable, pipeline, conversationStartPipeline } = app;
  return {
    ...(name !== undefined && { name }),
    description: 'The support of a shop for tents',
    durable,
    pipeline,
    ...(conversationStartPipeline && { conversationStartPipeline }),
    llm: { model: scriptedModel([...answers]) },
  };
}

/** What the models say to: a question, an order, a refund and the yes to it, a wish for a colleague. */
export const WHOLE_TALK: readonly ScriptedAnswer[] = [
  sorted('question', 'Returning a tent'),
  toolCall('search_pages', { query: 'return a tent' }),
  'Yes, within **30 days**, also when it was used.',
  sorted('order', 'Where order 1042 is'),
  toolCall('find_order', { number: '1042' }),
  'It is with you on Thursday.',
  sorted('refund', 'Refund of order 1042'),
  toolCall('refund', { number: '1042' }),
  'Your 249 euros are on their way.',
  sorted('colleague', 'A colleague is wanted'),
];
