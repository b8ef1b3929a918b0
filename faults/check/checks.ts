/** What a run promises; README.md has them in words. */
export const RULES = [
  'I1',
  'I2',
  'I3',
  'I4',
  'I5',
  'I6',
  'I7',
  'I8',
  'I9',
  'I10',
  'I11',
  'I12',
  'once',
  'effect',
  'question',
  'durable',
  'answer',
  'stream',
  'size',
  'erased',
  'file',
  'tool',
  'said',
] as const;
export type Rule = (typeof RULES)[number];

/** What was looked at, and what was not as it must be. */
export interface Checks {
  /** Counts a look. `what` says what is wrong, in a sentence. */
  that(rule: Rule, isSo: boolean, what: () => string): void;
  count(rule: Rule): number;
  readonly total: number;
  readonly violations: readonly { readonly rule: Rule; readonly what: string }[];
}

export function createChecks(onViolation: (rule: Rule, what: string) => void): Checks {
  const counts = new Map<Rule, number>();
  const violations: { rule: Rule; what: string }[] = [];
  let total = 0;
  return {
    that(rule, isSo, what) {
      counts.set(rule, (counts.get(rule) ?? 0) + 1);
      total++;
      if (isSo) return;
      const text = what();
      violations.push({ rule, what: text });
      onViolation(rule, text);
    },
    count: (rule) => counts.get(rule) ?? 0,
    get total() {
      return total;
    },
    violations,
  };
}
