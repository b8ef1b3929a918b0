// npm create jims: a folder with an app that runs.
import { readFileSync } from 'node:fs';

import { HELP, parseCommandLine } from './command-line.ts';
import type { CreateCommand } from './command-line.ts';
import { installPackages } from './install.ts';
import { packageManagerOf } from './package-manager.ts';
import type { PackageManager } from './package-manager.ts';
import { projectFiles } from './project-files.ts';
import { askForTemplate } from './question.ts';
import { targetOf } from './target.ts';
import type { Target } from './target.ts';
import { DEFAULT_TEMPLATE } from './template.ts';
import type { TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';
import { writeProject } from './write-project.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;
/** The templates that call a model. */
const NEED_A_KEY: ReadonlySet<TemplateName> = new Set(['llm', 'rag']);
/** What the packages need. */
const NODE = [24, 16] as const;

async function main(): Promise<number> {
  const command = parseCommandLine(process.argv.slice(2), process.env);
  if (command.kind === 'help') return print(HELP);
  if (command.kind === 'version') return print(`${ownVersion()}\n`);
  return create(command);
}

async function create(command: CreateCommand): Promise<number> {
  // Before the question: an answer must not be for nothing.
  const target = targetOf(command.target, process.cwd());
  const template = command.template ?? (await templateOfUser(command));
  if (template === undefined) return EXIT_INTERRUPTED;
  const packageManager = packageManagerOf(process.env['npm_config_user_agent']);
  const files = projectFiles({ name: target.name, template, packageManager });
  writeProject(target.folder, files);
  const where = target.shown || 'this folder';
  const aside = where === target.name ? '' : ` in ${where}`;
  print(`Made ${target.name}${aside} from the template ${template}: ${files.size} files\n`);

  if (command.install) {
    const text = packageManager.install.join(' ');
    print(`\n${text}\n`);
    if (!(await installPackages(target.folder, packageManager))) {
      complain(`${text} failed. The project is in ${where}: run ${text} there again`);
      return EXIT_FAILURE;
    }
  }
  return print(nextSteps(target, { template, packageManager, isInstalled: command.install }));
}

/** Without a terminal there is nobody to answer. */
async function templateOfUser({ yes }: CreateCommand): Promise<TemplateName | undefined> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  return yes || !isTerminal ? DEFAULT_TEMPLATE : askForTemplate();
}

interface Made {
  readonly template: TemplateName;
  readonly packageManager: PackageManager;
  readonly isInstalled: boolean;
}

function nextSteps({ shown }: Target, { template, packageManager, isInstalled }: Made): string {
  const folder = /^[\w./\\~-]+$/.test(shown) ? shown : `'${shown}'`;
  const lines = [
    ...(shown ? [`cd ${folder}`] : []),
    ...(isInstalled ? [] : [packageManager.install.join(' ')]),
    ...(NEED_A_KEY.has(template)
      ? [explained('cp .env.example .env', 'then put a key into .env')]
      : []),
    explained(packageManager.run('dev'), 'prints a link to a page to talk on'),
    explained(packageManager.run('test'), 'tests it'),
  ];
  return `\nNext:\n\n${lines.map((line) => `  ${line}`).join('\n')}\n\n${aboutNode()}`;
}

function explained(command: string, about: string): string {
  return `${command.padEnd(22)}# ${about}`;
}

/** The project has Node as a package; a newer one in the PATH is needed for what is not run by its scripts. */
function aboutNode(): string {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNewEnough = major > NODE[0] || (major === NODE[0] && minor >= NODE[1]);
  if (isNewEnough) return '';
  return `JIMS needs Node ${NODE.join('.')} or newer, and this is ${process.version}. The project brings a Node of its own,
as the package node: its scripts and npx use that one.\n\n`;
}

function ownVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'));
  return version;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(message: string): void {
  process.stderr.write(`create-jims: ${message}\n`);
}

/** An error of the file system names the file and the reason; a defect shows its trace. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'syscall' in error ? error.message : (error.stack ?? error.message);
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  complain(isUsage ? error.message : messageOf(error));
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILURE;
}
