import type { OpenOptions } from 'jims-core';
import { isTypePattern } from 'jims-core/host';

import { FileSignatures } from '../../http/file-signatures.ts';
import type { Given } from './command-table.ts';
import { invalid } from './given-options.ts';

/** @throws UsageError for a key that is too short. */
export function fileAddressKeys(given: Given): readonly string[] {
  const keys = given.get('file-address-key')?.values ?? [];
  try {
    void new FileSignatures(keys);
  } catch {
    throw invalid('file-address-key', 'it needs at least 32 characters.');
  }
  return keys;
}

/** @throws UsageError for types that no file can have. */
export function fileLimits(given: Given): OpenOptions['fileLimits'] {
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
