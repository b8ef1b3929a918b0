import { JimsError } from './jims-error.ts';
import type { JimsErrorCode } from './jims-error.ts';

export interface PackageUse {
  /** The module of the package that is imported; default: the package itself. */
  readonly specifier?: string;
  /** Of the error when it is missing; default `llm_unusable`. */
  readonly code?: JimsErrorCode;
}

/**
 * Imports a package that an app installs only when it needs it.
 *
 * @throws JimsError with the command that installs it.
 */
export async function optionalPackage<T>(
  name: string,
  neededBy: string,
  { specifier = name, code = 'llm_unusable' }: PackageUse = {},
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
    throw new JimsError(code, `${neededBy} needs the package ${name}: npm install ${name}`, {
      cause,
    });
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
