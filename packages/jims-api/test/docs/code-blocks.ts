import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const ROOT = new URL('../../../../', import.meta.url);

/** The code blocks of a page in one language, in order. */
export function codeBlocks(page: string, language: string): string[] {
  const text = readFileSync(new URL(page, ROOT), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , code = '']) => code);
}

/** Where the service is in the snippets of our pages. */
export const BASE_URL = 'http://localhost:8080';

/** The block of a page that has this in it, and the address of a service. */
export function blockWith(page: string, language: string, text: string): string {
  const found = codeBlocks(page, language).find((block) => block.includes(text)) ?? '';
  assert.ok(found.includes(BASE_URL), text);
  return found;
}

/** A curl command line as what `fetch` takes. */
export interface CurlCommand {
  readonly url: string;
  readonly init: RequestInit;
}

/** The curl commands of a page. Knows the flags that our pages use, and no others. */
export function curlCommands(page: string): CurlCommand[] {
  return codeBlocks(page, 'sh')
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .filter((line) => line.startsWith('curl '))
    .map(parseCurl);
}

function parseCurl(line: string): CurlCommand {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
  const headers: [string, string][] = [];
  let url = '';
  const form = new FormData();
  let body: string | FormData | undefined;
  for (let i = 1; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (word === '-H') headers.push(headerOf(words[++i] ?? ''));
    else if (word === '-d') body = words[++i];
    else if (word === '-F') body = withField(form, words[++i] ?? '');
    else if (!/^-[sN]+$/.test(word)) url = word;
  }
  const method = body === undefined ? 'GET' : 'POST';
  return { url, init: { method, headers, ...(body !== undefined && { body }) } };
}

/** What pages call `@hours.txt`. */
export const HOURS = 'Mon-Fri 9-17\n';

function withField(form: FormData, text: string): FormData {
  const [name = '', value = ''] = text.split('=', 2);
  if (value.startsWith('@'))
    form.set(name, new File([HOURS], value.slice(1), { type: 'text/plain' }));
  else form.set(name, value);
  return form;
}

function headerOf(text: string): [string, string] {
  const [name = '', value = ''] = text.split(/:\s*/, 2);
  return [name, value];
}
