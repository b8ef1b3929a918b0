import { createInterface } from 'node:readline';

import { TEMPLATE_LINES, templateOf } from './command-line.ts';
import { DEFAULT_TEMPLATE, TEMPLATES } from './template.ts';
import type { TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';

/** Asks which template it shall be, until the answer is one; `undefined` when the user leaves. */
export async function askForTemplate(): Promise<TemplateName | undefined> {
  const lines = TEMPLATE_LINES.map((line, index) => `  ${index + 1}  ${line}`);
  process.stdout.write(`Which template?\n\n${lines.join('\n')}\n\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  terminal.setPrompt(`Its number or its name [${DEFAULT_TEMPLATE}]: `);
  terminal.prompt();
  // It ends with Ctrl-C and Ctrl-D.
  for await (const answer of terminal) {
    const template = templateIn(answer.trim());
    if (template) {
      terminal.close();
      return template;
    }
    terminal.prompt();
  }
  process.stdout.write('\n');
  return undefined;
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
