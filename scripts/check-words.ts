// npm run check: words that a native reader who is new here stumbles over, in sources and pages. What is
// wrong is printed with its place and with what to write; a line that must have such a word ends
// with `words: ok`.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
}

const RULES: readonly Rule[] = [
  { pattern: /\b(?:he|him|his|himself|she|hers|herself)\b/i, instead: 'they, them, their' },
  { pattern: /\bwhoever\b/i, instead: 'the caller, the client, the reader that …' },
  {
    pattern: /\b(?:for|of|to|by|than|from|with|tells?|gives?|lets?) who\b/i,
    instead: 'the caller, the client, the reader that …',
  },
  { pattern: /(?<!there )\b(?:is|was) no (?!longer|more|one|other)\w/i, instead: 'is not a …' },
  { pattern: /(?<!there )\b(?:is|are) none\b/i, instead: 'is not a …, there is none' },
  { pattern: /\btold\b(?! (?:apart|to|otherwise))/i, instead: 'sent, reported, stored' },
  {
    pattern: /(?<![/'])\b(?:nowhere|elsewhere)\b/i,
    instead: 'not found, in another …, the fallback',
  },
  { pattern: /\b(?:an?|one|every|each) text\b(?! \w+ed\b)/i, instead: 'a string, text' },
  { pattern: /\b(?:in|its|the next in|place in) line\b(?! \d)/i, instead: 'queue' },
  { pattern: /\b(?:say|sa(?:id|ys)|come|comes|came|stored) behind\b/i, instead: 'after' },
  {
    pattern: /\b(?:const|readonly|let) (?:terms|asked|told|place|elsewhere)\b/,
    instead: 'options, request, sent, position, fallback',
  },
];

const CHECKED = /\.(?:ts|tsx|md|sql|html|js)$/;
const EXCEPTIONS =
  /^(?:CHANGELOG\.md|packages\/jims-api\/test\/conformance\/|scripts\/check-words\.ts|packages\/jims-core\/test\/support\/fake-openai\/|packages\/jims-core\/src\/store\/postgres\/sql\/step-1)/;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => CHECKED.test(file) && !EXCEPTIONS.test(file));

const faults = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      faultsIn(line).map((fault) => `${file}:${index + 1}  ${fault}\n    ${line.trim()}`),
    ),
);
for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(`\n${faults.length} words to change; CONTRIBUTING.md says why`);
  process.exitCode = 1;
}

function faultsIn(line: string): readonly string[] {
  if (line.endsWith('words: ok')) return [];
  return RULES.flatMap(({ pattern, instead }) => {
    const [found] = pattern.exec(line) ?? [];
    return found === undefined ? [] : [`“${found}”: write ${instead}`];
  });
}
