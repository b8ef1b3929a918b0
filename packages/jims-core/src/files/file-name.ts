import { cleanText } from '../text/clean-text.ts';

const MAX_NAME = 255;
/** Control characters, and those that turn the direction of text: `exe.txt` must not look like `txt.exe`. */
const HIDDEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const NAMELESS = /^\.*$/;

/** Makes a name that people and file systems take: no folders, nothing hidden, 1 to 255 characters. */
export function fileName(given: string): string {
  const last =
    given
      .slice(-4 * MAX_NAME)
      .split(/[/\\]/)
      .at(-1) ?? '';
  const name = cleanText(last.replaceAll(HIDDEN, '')).trim();
  if (NAMELESS.test(name)) return 'file';
  return name.length <= MAX_NAME ? name : shortened(name);
}

/** The end of a name says what the file is. */
function shortened(name: string): string {
  const ending = /\.\w{1,16}$/.exec(name)?.[0] ?? '';
  return name.slice(0, MAX_NAME - ending.length).replace(/[\ud800-\udbff]$/, '') + ending;
}
