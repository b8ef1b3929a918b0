import { AGE_MS, numberOptions } from '../errors/number-option.ts';

/** What files may be. Part of the options of `app.open`. */
export interface FileLimits {
  /** Bytes of one file; default 10 MiB. */
  readonly maxFileBytes: number;
  /** Bytes of all files of one contact; default 1 GiB. */
  readonly maxContactFileBytes: number;
  /**
   * Patterns of the media types that contacts may send, such as `image/*`; `*` stands for anything, and
   * `!` forbids. A type is allowed when a pattern matches it and no forbidding one does. Default: everything
   * but programs.
   */
  readonly fileTypes: readonly string[];
  /** How long a file is kept that no message names, in milliseconds; default a day. */
  readonly unnamedFileMs: number;
}

/** The most files that one message names. */
export const MAX_MESSAGE_FILES = 20;

const MIB = 1024 * 1024;

/** The limits that count where an app does not set its own. */
export const DEFAULT_FILE_LIMITS: FileLimits = {
  maxFileBytes: 10 * MIB,
  maxContactFileBytes: 1024 * MIB,
  unnamedFileMs: 86_400_000,
  fileTypes: [
    '*',
    '!application/x-msdownload',
    '!application/x-elf',
    '!application/x-mach-binary',
    '!application/x-ms-shortcut',
    '!application/x-ms-regedit',
    '!application/vnd.android.package-archive',
    '!application/java-archive',
    '!application/java-vm',
    '!application/wasm',
    '!application/x-deb',
    '!application/x-rpm',
    '!application/x-google-chrome-extension',
    '!application/x-xpinstall',
  ],
};

const BYTES = { least: 1, most: Number.MAX_SAFE_INTEGER };
const RANGES = {
  maxFileBytes: BYTES,
  maxContactFileBytes: BYTES,
  unnamedFileMs: { ...AGE_MS, least: 0 },
};

/**
 * All limits: those that are given, else the defaults.
 *
 * @throws JimsError `app_invalid` for a limit that no file fits.
 */
export function fileLimits(given: Partial<FileLimits> = {}): FileLimits {
  return { ...DEFAULT_FILE_LIMITS, ...numberOptions(given, RANGES) };
}

/** Whether patterns as in {@link FileLimits.fileTypes} allow a media type. */
export function isAllowedType(type: string, patterns: readonly string[]): boolean {
  const forbids = (pattern: string): boolean =>
    pattern.startsWith('!') && isMatch(type, pattern.slice(1));
  const allows = (pattern: string): boolean => !pattern.startsWith('!') && isMatch(type, pattern);
  return patterns.some(allows) && !patterns.some(forbids);
}

/** Whether a pattern such as `image/*` can match any media type. */
export function isTypePattern(pattern: string): boolean {
  return /^!?(?:\*|[a-z0-9*][a-z0-9.+*-]*\/[a-z0-9*][a-z0-9.+*_-]*)$/.test(pattern);
}

/** Without a regular expression of the pattern: one with many stars would take very long. */
function isMatch(type: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const last = rest.pop();
  if (last === undefined) return type === first;
  if (!type.startsWith(first) || !type.endsWith(last)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = type.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return from + last.length <= type.length;
}
