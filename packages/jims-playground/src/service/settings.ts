// What the page keeps in the browser. A key is kept for this tab alone.

/** For whom a new thread is, and what its app gets. */
export interface Persona {
  readonly contactId: string;
  /** JSON, as it was written. */
  readonly threadConfig: string;
}

const PERSONA = 'jims-playground.persona';
const KEY = 'jims-playground.key';
const SHORTCUTS = 'jims-playground.shortcuts';

export function readPersona(): Persona {
  const stored: unknown = parsed(localStorage.getItem(PERSONA));
  const { contactId, threadConfig }: { contactId?: unknown; threadConfig?: unknown } =
    Object(stored);
  return {
    contactId: typeof contactId === 'string' && contactId !== '' ? contactId : 'playground',
    threadConfig: typeof threadConfig === 'string' ? threadConfig : '{}',
  };
}

export function keepPersona(persona: Persona): void {
  localStorage.setItem(PERSONA, JSON.stringify(persona));
}

/** The JSON object that was written; `undefined` when it is not one. */
export function configOf({ threadConfig }: Persona): Readonly<Record<string, unknown>> | undefined {
  const config = parsed(threadConfig.trim() === '' ? '{}' : threadConfig);
  return isRecord(config) ? config : undefined;
}

export function readKey(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function keepKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

export function hasShortcuts(): boolean {
  return localStorage.getItem(SHORTCUTS) !== 'off';
}

export function keepShortcuts(isOn: boolean): void {
  localStorage.setItem(SHORTCUTS, isOn ? 'on' : 'off');
}

function parsed(json: string | null): unknown {
  try {
    return JSON.parse(json ?? 'null');
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
