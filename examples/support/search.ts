// A search in the pages of the shop by the words that they share with a query. ../rag finds passages by what
// they mean.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'pages');
const FOUND = 2;

interface Page {
  readonly url: string;
  readonly title: string;
  readonly text: string;
}

interface IndexedPage extends Page {
  readonly words: ReadonlySet<string>;
}

const PAGES = readdirSync(FOLDER).map(readPage);

/** The pages that fit a query best, best first; none when no word of it says anything. */
export function searchPages(query: string): readonly Page[] {
  const words = wordsIn(query);
  return PAGES.map((page) => ({ page, score: scoreOf(page, words) }))
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, FOUND)
    .map(({ page }) => page);
}

/** A word counts the more, the fewer pages have it; one that all have says nothing. */
function scoreOf(page: IndexedPage, words: ReadonlySet<string>): number {
  let score = 0;
  for (const word of words) {
    if (!page.words.has(word)) continue;
    const having = PAGES.filter((each) => each.words.has(word)).length;
    score += Math.log(PAGES.length / having);
  }
  return score;
}

function readPage(file: string): IndexedPage {
  const text = readFileSync(join(FOLDER, file), 'utf8').trim();
  const [heading = ''] = text.split('\n');
  const url = `https://tents.example/help/${basename(file, '.md')}`;
  return { url, title: heading.replace('# ', ''), text, words: wordsIn(text) };
}

/** Words of four letters and more, without the endings that make many of one. */
function wordsIn(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(/\p{L}{4,}/gu) ?? [];
  return new Set(words.map((word) => word.replace(/(?:ing|ed|s)$/, '')));
}
