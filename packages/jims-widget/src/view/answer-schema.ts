import type { ChatTexts } from '../texts.ts';

/** An answer of one click. */
export interface AnswerChoice {
  readonly label: string;
  readonly value: unknown;
}

/** A field of a form for an answer that is an object. */
export interface AnswerField {
  readonly name: string;
  readonly label: string;
  readonly kind: 'text' | 'number' | 'checkbox' | 'select';
  readonly isRequired: boolean;
  readonly choices: readonly string[];
  /** What its input takes, so that the browser says what does not fit. */
  readonly limits: AnswerLimits;
}

/** By the names of HTML. */
interface AnswerLimits {
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
  readonly step: string;
  readonly pattern: string | undefined;
}

const KINDS = new Map<unknown, AnswerField['kind']>([
  ['string', 'text'],
  ['number', 'number'],
  ['integer', 'number'],
  ['boolean', 'checkbox'],
]);

const MAX_CHOICES = 12;
const MAX_FIELDS = 20;

type Schema = Readonly<Record<string, unknown>>;

/** Where the schema of an answer is yes or no, or a few words. */
export function choicesOf(schema: Schema | undefined, texts: ChatTexts): readonly AnswerChoice[] {
  if (schema?.['type'] === 'boolean') {
    return [
      { label: texts.yes, value: true },
      { label: texts.no, value: false },
    ];
  }
  const values = wordsOf(schema?.['enum']);
  return values.length > MAX_CHOICES ? [] : values.map((value) => ({ label: value, value }));
}

/** The fields of a flat object; none where a part of it is more than that: then words must do. */
export function fieldsOf(schema: Schema | undefined): readonly AnswerField[] {
  const properties = schema?.['properties'];
  if (schema?.['type'] !== 'object' || !isObject(properties)) return [];
  const required = wordsOf(schema['required']);
  const fields = Object.entries(properties).map(([name, property]) =>
    isObject(property) ? fieldOf(name, property, required.includes(name)) : undefined,
  );
  const known = fields.filter((field) => field !== undefined);
  return known.length === fields.length && known.length <= MAX_FIELDS ? known : [];
}

function fieldOf(name: string, property: Schema, isRequired: boolean): AnswerField | undefined {
  const { type, title, description, pattern, minLength, maxLength, minimum, maximum } = property;
  const choices = wordsOf(property['enum']);
  const kind = choices.length > 0 ? 'select' : KINDS.get(type);
  const label = wordsOf([title, description])[0] ?? name;
  const [regex] = wordsOf([pattern]);
  const limits = {
    minLength: numberIn(minLength),
    maxLength: numberIn(maxLength),
    min: numberIn(minimum),
    max: numberIn(maximum),
    step: type === 'integer' ? '1' : 'any',
    // That of HTML is for the whole text.
    pattern: regex && `.*(?:${regex}).*`,
  };
  return kind && { name, label, kind, isRequired, choices, limits };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function wordsOf(values: unknown): readonly string[] {
  return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
