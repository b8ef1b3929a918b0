import { readFileSync } from 'node:fs';

const ROOT = new URL('../../../../', import.meta.url);

/** The code blocks of a page in one language, in order. */
export function codeBlocks(page: string, language: string): string[] {
  const text = readFileSync(new URL(page, ROOT), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , code = '']) => code);
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
  let body: string | undefined;
  for (let i = 1; i < words.length; i += 1) {
    const word = words[i] ?? '';
    if (word === '-H') headers.push(headerOf(words[++i] ?? ''));
    else if (word === '-d') body = words[++i];
    else if (!/^-[sN]+$/.test(word)) url = word;
  }
  const method = body === undefined ? 'GET' : 'POST';
  return { url, init: { method, headers, ...(body !== undefined && { body }) } };
}

function headerOf(text: string): [string, string] {
  const [name = '', value = ''] = text.split(/:\s*/, 2);
  return [name, value];
}
