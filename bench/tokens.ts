/** `burst`: as fast as the event loop turns. `model`: at the speed of a language model. */
export type Pace = 'burst' | 'model';

/** How many tokens an answer has. */
export const TOKENS: Readonly<Record<Pace, number>> = { burst: 500, model: 250 };

const TOKENS_PER_SECOND = 100;

/** An answer, piece by piece: what the pipeline of ours and the floor stream. */
export async function* tokens(pace: Pace): AsyncGenerator<string> {
  for (let n = 0; n < TOKENS[pace]; n++) {
    await pause(pace);
    yield ` token${n}`;
  }
}

export function paceOf(question: string | undefined): Pace {
  return question === 'burst' ? 'burst' : 'model';
}

function pause(pace: Pace): Promise<void> {
  return new Promise((resolve) => {
    if (pace === 'burst') setImmediate(resolve);
    else setTimeout(resolve, 1000 / TOKENS_PER_SECOND);
  });
}
