import { readFileSync } from 'node:fs';

/** The names that a face of a package exports, sorted. */
export interface ExportedNames {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

/** Reads the source of a face. It lists every name: whatever else it holds is refused. */
export function exportedNames(face: URL): ExportedNames {
  const source = readFileSync(face, 'utf8').replaceAll(/\/\/.*$/gm, '');
  const values: string[] = [];
  const types: string[] = [];
  const rest = source.replaceAll(
    /export (type )?\{([^}]*)\} from '[^']+';/g,
    (_, type: string | undefined, list: string) => {
      const names = list.split(',').flatMap((name) => name.trim() || []);
      (type === undefined ? values : types).push(...names);
      return '';
    },
  );
  if (rest.trim() !== '') throw new Error(`${face.href} holds more than lists of names: ${rest}`);
  return { values: values.toSorted(), types: types.toSorted() };
}
