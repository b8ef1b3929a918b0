import { JimsError } from '../errors/jims-error.ts';

/**
 * Imports a package that an app installs only when it needs it.
 *
 * @param specifier The module of the package that is imported; default: the package itself.
 * @throws JimsError `llm_unusable` with the command that installs it.
 */
export async function optionalPackage<T>(
  name: string,
  neededBy: string,
  specifier: string = name,
): Promise<T> {
  try {
    // A variable and these comments keep bundlers from resolving the package, which would fail where
    // it is not installed.
    const loaded: T = await import(
      /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ specifier
    );
    return loaded;
  } catch (cause) {
    if (!isMissing(cause, name)) throw cause;
    throw new JimsError(
      'llm_unusable',
      `${neededBy} needs the package ${name}: npm install ${name}`,
      { cause },
    );
  }
}

function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${name}'`)
  );
}
