import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { build, transform } from 'esbuild';
import type { Plugin } from 'esbuild';
import { Lexer, Tokenizer, getDefaults } from 'marked';

/** A file for browsers. */
export interface Asset {
  /** Its media type. */
  readonly type: string;
  readonly body: string;
}

/**
 * The files that a server sends, by name. Published, they are in this module; from the sources they are bundled by
 * the first call.
 */
export function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  assets ??= bundle();
  return assets;
}

let assets: Promise<ReadonlyMap<string, Asset>> | undefined;

async function bundle(): Promise<ReadonlyMap<string, Asset>> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('index.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    conditions: ['@jims/source'],
    mangleProps: namesOfRules(),
    plugins: [smallStyles, lexerAlone],
  });
  const type = 'text/javascript; charset=utf-8';
  return new Map(outputFiles.map(({ text }) => ['widget.js', { type, body: text }]));
}

const smallStyles: Plugin = {
  name: 'small styles',
  setup(bundler) {
    bundler.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, 'utf8');
      const { code } = await transform(css, { loader: 'css', minify: true });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

/** The options of the lexer that are what they are: what only other ones need is left out. */
const FIXED = {
  'this.options.pedantic': 'false',
  'this.options.gfm': 'true',
  'this.options.breaks': 'false',
  'this.options.extensions': 'null',
};

/**
 * The end of `marked` makes a parser that writes HTML, for its default export. Without that, everything but the lexer
 * is left out as unused: with the options 4 kB less.
 */
const lexerAlone: Plugin = {
  name: 'the lexer of marked alone',
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]marked\.esm\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const names = /export\{(.*)\};/.exec(source)?.[1]?.split(',') ?? [];
      const used = names.filter((name) => / as (?:Lexer|Tokenizer|getDefaults)$/.test(name));
      const end = source.search(/var (\w+)=new \w+;function (\w+)\(\w+,\w+\)\{return \1\.parse\(/);
      // Another release of marked may be written in another way: then it goes in as a whole.
      if (used.length !== 3 || end < 0) return { contents: source };
      let lexer = `${source.slice(0, end)}export{${used.join(',')}};`;
      for (const [option, value] of Object.entries(FIXED)) lexer = lexer.replaceAll(option, value);
      return { contents: lexer };
    });
  },
};

/** The long names that the lexer has for its rules, to be made short. */
function namesOfRules(): RegExp {
  const tokenizer = new Tokenizer();
  const lexer = new Lexer({ ...getDefaults(), tokenizer });
  const names = Object.keys(lexer.tokens.length === 0 ? tokenizer.rules.other : {});
  return new RegExp(`^(?:${names.filter((name) => /^.{5,}[A-Z]/.test(name)).join('|')})$`);
}
