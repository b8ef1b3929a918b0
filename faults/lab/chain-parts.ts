/** The steps of the command `chain` of `durable-app.ts`, and where it asks. */
export const CHAIN_PARTS = [
  'one',
  'two',
  'ask contact',
  'three',
  'ask service',
  'four',
  'five',
] as const;
