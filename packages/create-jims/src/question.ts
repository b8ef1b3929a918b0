import { createInterface } from 'node:readline/promises';

import { TEMPLATE_LINES, templateOf } from './command-line.ts';
import { DEFAULT_TEMPLATE, TEMPLATES } from './template.ts';
import type { TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';

/** Asks which template it shall be, until the answer is one; `undefined` when the user leaves. */
export async function askForTemplate(): Promise<TemplateName | undefined> {
  const lines = TEMPLATE_LINES.map((line, index) => `  ${index + 1}  ${line}`);
  process.stdout.write(`Which template?\n\n${lines.join('\n')}\n\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C and Ctrl-D.
  const left = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  try {
    for (;;) {
      const asking = terminal.question(`Its number or its name [${DEFAULT_TEMPLATE}]: `);
      const answer = await Promise.race([asking, left]);
      if (answer === undefined) return undefined;
      const template = templateIn(answer.trim());
      if (template) return template;
    }
  } finally {
    terminal.close();
  }
}

function templateIn(answer: string): TemplateName | undefined {
  if (answer === '') return DEFAULT_TEMPLATE;
  const name = Object.keys(TEMPLATES)[Number(answer) - 1] ?? answer.toLowerCase();
  try {
    return templateOf(name);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stdout.write(`${error.message}\n`);
    return undefined;
  }
}
