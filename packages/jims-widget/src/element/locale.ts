/** The language of an element, for times; `undefined` where it says none, or one that does not exist. */
export function localeOf(element: Element): string | undefined {
  const language = element.closest('[lang]')?.getAttribute('lang') ?? '';
  try {
    return Intl.getCanonicalLocales(language)[0];
  } catch {
    return undefined;
  }
}
