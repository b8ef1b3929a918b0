import type { TitledStep } from '../../chat/work-reader.ts';

export interface StepEvent {
  readonly type: 'STEP_STARTED' | 'STEP_FINISHED';
  readonly stepName: string;
}

/** The steps that go on: the client knows them by their names, of which no two may be the same. */
export class OpenSteps {
  readonly #names = new Map<number, string>();

  read({ number, title, status }: TitledStep): StepEvent {
    if (status !== 'running') {
      const stepName = this.#names.get(number) ?? title;
      this.#names.delete(number);
      return { type: 'STEP_FINISHED', stepName };
    }
    const isTaken = [...this.#names.values()].includes(title);
    const stepName = isTaken ? `${title} (${number})` : title;
    this.#names.set(number, stepName);
    return { type: 'STEP_STARTED', stepName };
  }
}
