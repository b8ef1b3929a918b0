import { DEFAULT_FILE_LIMITS } from 'jims-core';
import type { OpenOptions } from 'jims-core';
import { isTypePattern } from 'jims-core/host';

import { FileSignatures } from '../../http/file-signatures.ts';
import { ACCESS_GROUP } from './access-options.ts';
import { invalid } from './given-options.ts';
import type { GivenOptions } from './given-options.ts';
import type { OptionTable } from './option-table.ts';

export const APP_GROUP = 'App';
export const LIMITS_GROUP = 'Limits';

/** Where files are. */
export const FILE_OPTIONS = {
  files: {
    type: 'text',
    group: APP_GROUP,
    default: 'with the database',
    help: 'Where files of messages are stored: file:///FOLDER or s3://BUCKET/PREFIX?region=REGION',
  },
} as const satisfies OptionTable;

/** Who gets files. */
export const FILE_ACCESS_OPTIONS = {
  'file-address-key': {
    type: 'text',
    group: ACCESS_GROUP,
    several: true,
    help: 'Secret of at least 32 characters that signs addresses of files, so that browsers get them without a key for a day; the first one signs, all are accepted. Prefer the variable',
  },
} as const satisfies OptionTable;

/** What files may be. */
export const FILE_LIMIT_OPTIONS = {
  'max-file-size': {
    type: 'integer',
    group: LIMITS_GROUP,
    default: String(DEFAULT_FILE_LIMITS.maxFileBytes),
    help: 'Maximum bytes of a file',
  },
  'max-contact-files-size': {
    type: 'integer',
    group: LIMITS_GROUP,
    default: String(DEFAULT_FILE_LIMITS.maxContactFileBytes),
    help: 'Maximum bytes of all files of one contact',
  },
  'file-types': {
    type: 'text',
    group: LIMITS_GROUP,
    several: true,
    default: 'all but programs',
    help: 'Media types of files that are taken, such as image/*,application/pdf; ! forbids',
  },
} as const satisfies OptionTable;

type FileGiven = GivenOptions<keyof typeof FILE_LIMIT_OPTIONS>;

/** @throws UsageError for a key that is too short. */
export function fileAddressKeys(
  given: GivenOptions<keyof typeof FILE_ACCESS_OPTIONS>,
): readonly string[] {
  const keys = given.get('file-address-key')?.values ?? [];
  try {
    void new FileSignatures(keys);
  } catch {
    throw invalid('file-address-key', 'it needs at least 32 characters.');
  }
  return keys;
}

/** @throws UsageError for types that no file can have. */
export function fileLimits(given: FileGiven): OpenOptions['fileLimits'] {
  const types = given.list('file-types')?.map((each) => each.trim().toLowerCase());
  const strange = types?.find((each) => !isTypePattern(each));
  if (strange !== undefined) {
    throw invalid('file-types', `'${strange}' is not a media type such as image/png or image/*.`);
  }
  if (types?.every((each) => each.startsWith('!')) === true) {
    throw invalid('file-types', 'it only forbids: name what is allowed, too, such as *.');
  }
  return {
    maxFileBytes: given.integer('max-file-size', { min: 1 }),
    maxContactFileBytes: given.integer('max-contact-files-size', { min: 1, max: 2 ** 50 }),
    ...(types && { fileTypes: types }),
  };
}
