import { JimsError } from '../errors/jims-error.ts';

/**
 * Gives a package that an app installs only when it needs it; `specifier` is what is imported of it, by
 * default the package itself.
 *
 * @throws JimsError `llm_unusable` that names the command which installs it.
 */
export async function optionalPackage<T>(
  name: string,
  neededBy: string,
  specifier: string = name,
): Promise<T> {
  try {
    // By a variable and with these words, so that bundlers look for it when it is needed and not before:
    // they would fail where it is not installed.
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
