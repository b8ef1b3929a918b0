import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { PackageManager } from './package-manager.ts';
import type { TemplateName } from './template.ts';
import { UsageError } from './usage-error.ts';

export interface Project {
  readonly name: string;
  readonly template: TemplateName;
  readonly packageManager: PackageManager;
}

/** The files of a project by their paths, with `/`. */
export type ProjectFiles = ReadonlyMap<string, string>;

const TEMPLATES_FOLDER = new URL('../templates/', import.meta.url);
const NAME_IN_TEMPLATES = 'my-bot';
const MANIFEST = 'package.json';
const README = 'README.md';
/** Of a template, and not of a project. */
const INTRO = 'intro.md';
/** The members of package.json that are lists of packages: npm keeps their names in order. */
const PACKAGE_LISTS = ['dependencies', 'devDependencies'];
/** A script of package.json as the READMEs run it, on a line with a comment, which stays in its column. */
const SCRIPT_WITH_COMMENT = /^npm (?:run )?(\w+) +# /gm;
const COMMENT_COLUMN = 17;
const INSTALL_BY_NPM = /\bnpm install\b(?! @)/g;
/** In the templates a name that begins with a dot begins with `_`: npm renames or drops some of them. */
const HIDDEN = /(^|\/)_(?=[^/]*$)/;

/**
 * Reads the files of a template and of all templates, and writes into them what is this project's own.
 *
 * @throws UsageError for the name of a package that the project needs: no package manager could install it.
 */
export function projectFiles(project: Project): ProjectFiles {
  const common = filesIn('common');
  const own = filesIn(project.template);
  const files = new Map([...common, ...withReadme(own, common)]);
  const { packageManager } = project;
  for (const [path, text] of files) files.set(path, written(text, path, project));
  for (const [path, text] of Object.entries(packageManager.files)) files.set(path, text);
  const manifest = manifestOf(common, own, project);
  files.set(MANIFEST, manifest);
  return new Map([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A template has a README of its own, or the beginning of the one of all templates. */
function withReadme(own: ProjectFiles, common: ProjectFiles): ProjectFiles {
  const intro = own.get(INTRO);
  if (intro === undefined) return own;
  const others = [...own].filter(([path]) => path !== INTRO);
  return new Map([...others, [README, `${intro}\n${common.get(README)}`]]);
}

function written(text: string, path: string, { name, packageManager }: Project): string {
  const named = text.replaceAll(NAME_IN_TEMPLATES, name);
  if (path === 'Dockerfile') return dockerfileOf(named, packageManager);
  if (path !== README) return named;
  return named
    .replaceAll(
      SCRIPT_WITH_COMMENT,
      (_, script: string) => `${packageManager.run(script).padEnd(COMMENT_COLUMN)} # `,
    )
    .replaceAll(INSTALL_BY_NPM, packageManager.install.join(' '));
}

/** Each line of npm becomes that of the package manager. */
function dockerfileOf(text: string, { docker }: PackageManager): string {
  return text
    .replaceAll('COPY package.json package-lock.json ./', docker.copy)
    .replaceAll('RUN npm ci --omit=dev', docker.production)
    .replaceAll('RUN npm ci\n', `${docker.all}\n`);
}

type Manifest = Readonly<Record<string, unknown>>;

/** The package.json of all templates, with the scripts and packages of this one. */
function manifestOf(
  common: ProjectFiles,
  own: ProjectFiles,
  { name, packageManager }: Project,
): string {
  const manifest = merged(parse(common.get(MANIFEST)), parse(own.get(MANIFEST)));
  const lists = PACKAGE_LISTS.map((list) => [list, sorted(asObject(manifest[list]))] as const);
  const all = { ...manifest, name, ...Object.fromEntries(lists), ...packageManager.manifest };
  if (lists.some(([, list]) => Object.hasOwn(list, name))) {
    throw new UsageError(
      `${name} is the name of a package that the project needs: give another name`,
    );
  }
  return `${JSON.stringify(all, null, 2)}\n`;
}

function merged(base: Manifest, more: Manifest): Manifest {
  const entries = Object.entries(more).map(([key, value]): [string, unknown] => {
    const before = base[key];
    const isNested = isObject(before) && isObject(value);
    return [key, isNested ? merged(before, value) : value];
  });
  return { ...base, ...Object.fromEntries(entries) };
}

function sorted(list: Manifest): Manifest {
  return Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function parse(text = '{}'): Manifest {
  return asObject(JSON.parse(text));
}

function asObject(value: unknown): Manifest {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Manifest {
  return typeof value === 'object' && value !== null;
}

function filesIn(folder: string): ProjectFiles {
  const root = fileURLToPath(new URL(folder, TEMPLATES_FOLDER));
  return new Map(walk(root).map((file) => [pathIn(root, file), readFileSync(file, 'utf8')]));
}

function walk(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((entry) => {
    const path = join(folder, entry);
    return statSync(path).isDirectory() ? walk(path) : [path];
  });
}

function pathIn(root: string, file: string): string {
  return relative(root, file).split(sep).join('/').replace(HIDDEN, '$1.');
}
