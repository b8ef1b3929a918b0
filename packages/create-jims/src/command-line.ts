import { parseArgs } from 'node:util';

import { DEFAULT_TEMPLATE, TEMPLATES, isTemplateName } from './template.ts';
import type { TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';

/** What the command is to do: print something, or make a project. */
export type CommandLine = { readonly kind: 'help' } | { readonly kind: 'version' } | CreateCommand;

export interface CreateCommand {
  readonly kind: 'create';
  /** The folder or the name, as it was given. */
  readonly target: string | undefined;
  readonly template: TemplateName | undefined;
  /** Whether to take the defaults instead of a question. */
  readonly yes: boolean;
  readonly install: boolean;
}

const WIDTH = Math.max(...Object.keys(TEMPLATES).map((name) => name.length));

/** The templates with what they are, one a line. */
export const TEMPLATE_LINES: readonly string[] = Object.entries(TEMPLATES).map(
  ([name, about]) => `${name.padEnd(WIDTH)}  ${about}`,
);

export const HELP: string = `npm create jims@latest [NAME] [-- OPTIONS]

Makes a folder with a conversational application that runs. NAME is the name of the project or the path
of its folder, such as my-bot, ./apps/my-bot or . for this folder; default: my-bot.

  -t, --template TEMPLATE  one of those below; default: ${DEFAULT_TEMPLATE}, or a question on a terminal
  -y, --yes                no question: take the defaults
      --no-install         do not install the packages
  -h, --help               print this
  -v, --version            print the version

${TEMPLATE_LINES.map((line) => `  ${line}`).join('\n')}

npm needs the -- before options; pnpm, yarn and bun do not: pnpm create jims my-bot --template llm
`;

/** @throws UsageError for what cannot be understood. */
export function parseCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): CommandLine {
  const { values, positionals } = parse(args);
  // npm took the option for one of its own, and gives only its value, or not even that.
  if (env['npm_config_template'] !== undefined && values.template === undefined) {
    throw new UsageError(
      'npm needs -- before options: npm create jims@latest my-bot -- --template llm',
    );
  }
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  const [target, ...others] = positionals;
  if (others.length > 0) {
    throw new UsageError(`One name is enough, got ${positionals.join(' ')}; --help says more`);
  }
  return {
    kind: 'create',
    target,
    template: values.template === undefined ? undefined : templateOf(values.template),
    yes: values.yes,
    install: !values['no-install'],
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseStrictly> {
  try {
    return parseStrictly(args);
  } catch (error) {
    // Node's message: what was not understood, and advice about `--` on the lines after the first sentence.
    const [message = ''] = String(error instanceof Error ? error.message : error).split(/\. |\n/);
    throw new UsageError(`${message}; --help says more`, { cause: error });
  }
}

// eslint-disable-next-line typescript/explicit-function-return-type -- parseArgs infers it.
function parseStrictly(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      template: { type: 'string', short: 't' },
      yes: { type: 'boolean', short: 'y', default: false },
      'no-install': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', short: 'v', default: false },
    },
  });
}

/** @throws UsageError for one that does not exist. */
export function templateOf(text: string): TemplateName {
  if (isTemplateName(text)) return text;
  const names = Object.keys(TEMPLATES).join(', ');
  throw new UsageError(`There is no template '${text}'; there are ${names}`);
}
