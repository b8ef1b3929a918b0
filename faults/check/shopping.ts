import type { Recorded } from '../../packages/jims-core/test/support/fake-openai/fake-openai.mjs';
import type { EffectsService } from '../lab/effects.ts';
import type { Shopper } from '../lab/shopper.ts';
import type { Checks } from './checks.ts';
import type { Facts } from './facts.ts';

/** The answers of the model before the last message: one with calls, and one with text. */
const ROUNDS = 2;
const TOOLS = ['find', 'refund'];

interface Evidence {
  /** What the model was asked. */
  readonly requests: readonly Recorded[];
  readonly effects: EffectsService;
  readonly facts: Facts;
}

/** Each tool did its work once, the model was asked no more than that takes, and the log has all of it once. */
export function checkShopping(
  checks: Checks,
  shoppers: readonly Shopper[],
  { requests, effects, facts }: Evidence,
): void {
  for (const shopper of shoppers) {
    const { id, contact, answer, deaths } = shopper;
    const mine = requests.filter(({ rawBody }) => rawBody.includes(`${id} canary-`));
    const most = ROUNDS + 1 + deaths;
    checks.that('tool', mine.length >= ROUNDS + 1 && mine.length <= most, () => {
      return `the model was asked ${mine.length} times for ${id}, and ${deaths} processes died`;
    });
    // It refuses a call without its result, and a result without its call.
    const refused = mine.find(({ status = 200 }) => status !== 200);
    checks.that('tool', refused === undefined, () => `for ${id}: ${refused?.responseBody}`);
    for (const tool of TOOLS) {
      const count = effects.effectsOf(id, tool);
      const keys = effects.keysOf(id, tool).size;
      checks.that('effect', count === 1 && keys === 1, () => {
        return `${tool} of ${id} was done ${count} times, with ${keys} keys`;
      });
    }
    const events = facts.threads.find((thread) => thread.contact === contact)?.events ?? [];
    const said = events.filter(
      ({ type, content }) => type === 'comm.assistant_message' && content === answer,
    );
    checks.that(
      'once',
      said.length === 1,
      () => `the answer to ${id} is stored ${said.length} times`,
    );
    const kept = events.filter(({ type }) => type.startsWith('context.tool_'));
    checks.that('tool', kept.map(({ type }) => type).join() === KEPT, () => {
      return `the log of ${id} has ${kept.map(({ type }) => type).join()}`;
    });
    const last = mine.at(-1)?.rawBody ?? '';
    const results = last.split('"role":"tool"').length - 1;
    checks.that('tool', results === TOOLS.length, () => {
      return `the model saw ${results} results of ${id} in the next turn`;
    });
  }
  for (const { runId, status, code } of facts.runs) {
    checks.that('durable', status === 'completed', () => `run ${runId} is ${status} (${code})`);
  }
}

const KEPT = ['context.tool_call', 'context.tool_result', 'context.tool_result'].join();
