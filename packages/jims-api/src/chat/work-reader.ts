import type { StepNews, ToolNews } from 'jims-core';

import { digest } from './steps.ts';

/** What everybody may see of a step. */
export interface TitledStep {
  /** Its number among the titled steps of its run, from 1 on: its own id holds its name. */
  readonly number: number;
  readonly title: string;
  readonly status: StepNews['status'];
}

/**
 * What everybody may see of a tool: without its name and its own id, and what goes in and comes out, unless the caller
 * sees the work of runs. For that caller a tool without a title has its name as the title.
 */
export type TitledTool = Pick<ToolNews, 'id' | 'status'> & { readonly title: string } & Partial<
    Pick<ToolNews, 'name' | 'input' | 'output' | 'error'>
  >;

/** What a run does, for protocols that have a form for it. */
export type WorkEvent =
  | { readonly type: 'step'; readonly step: TitledStep }
  /** A tool that is called for a message, whose text may not have begun. */
  | { readonly type: 'tool'; readonly messageId: string; readonly tool: TitledTool };

/** The steps and tools of a run, as everybody may see them: each begins and ends once. */
export class WorkReader {
  readonly #seesWork: boolean;
  /** Those that have begun, by their ids. */
  readonly #steps = new Map<string, TitledStep>();
  readonly #tools = new Map<string, WorkEvent & { readonly type: 'tool' }>();

  constructor(seesWork: boolean) {
    this.#seesWork = seesWork;
  }

  step({ id, title, status }: StepNews): WorkEvent[] {
    const known = this.#steps.get(id);
    if (title === undefined || (known && known.status !== 'running')) return [];
    const step = { number: known?.number ?? this.#steps.size + 1, title, status };
    this.#steps.set(id, step);
    const event = { type: 'step', step } as const;
    if (known || status === 'running') return [event];
    return [{ type: 'step', step: { ...step, status: 'running' } }, event];
  }

  tool(messageId: string, news: ToolNews): WorkEvent[] {
    const known = this.#tools.get(news.id);
    const { title = this.#seesWork ? news.name : undefined, id, status } = news;
    if (title === undefined || (known && known.tool.status !== 'running')) return [];
    const shown = { id: digest(`${messageId}/${id}`), title, status };
    const tool = this.#seesWork ? { ...news, title } : shown;
    const event = { type: 'tool', messageId, tool } as const;
    this.#tools.set(id, event);
    if (known || status === 'running') return [event];
    return [{ ...event, tool: { ...tool, status: 'running' } }, event];
  }

  /** The ends of those that were stopped with their run. */
  *ends(): Generator<WorkEvent> {
    for (const step of this.#steps.values()) {
      if (step.status === 'running') yield { type: 'step', step: { ...step, status: 'failed' } };
    }
    for (const event of this.#tools.values()) {
      if (event.tool.status === 'running') {
        yield { ...event, tool: { ...event.tool, status: 'failed' } };
      }
    }
  }
}
