import * as v from 'valibot';

/** The most faults of a body that are looked for: nobody reads more, and each takes time. */
export const MAX_ISSUES = 20;

/** Pydantic's message for something that has too many items. */
export function tooManyItems(type: 'List' | 'Dictionary', max: number, count: number): string {
  return `${type} should have at most ${max} items after validation, not ${count}`;
}

/**
 * A list of at most `max` items. A longer one is refused before any of its items is looked at, and after
 * {@link MAX_ISSUES} issues no further item is looked at: valibot's own array has neither bound.
 */
export function list<TItem extends v.GenericSchema>(
  item: TItem,
  max: number,
): v.SchemaWithPipe<
  readonly [
    v.ArraySchema<TItem, undefined>,
    v.MaxLengthAction<v.InferOutput<TItem>[], number, undefined>,
  ]
> {
  const schema = v.array(item);
  const bounded: v.ArraySchema<TItem, undefined> = {
    ...schema,
    '~run'(dataset, config) {
      const { value } = dataset;
      if (!Array.isArray(value)) return schema['~run'](dataset, config);
      // Refused by the action that comes next.
      if (value.length > max) return { typed: true, value };
      return validated(value, item, config);
    },
  };
  return v.pipe(bounded, v.maxLength(max));
}

type Validated<TItem extends v.GenericSchema> = ReturnType<v.ArraySchema<TItem, undefined>['~run']>;

function validated<TItem extends v.GenericSchema>(
  input: readonly unknown[],
  item: TItem,
  config: v.Config<v.BaseIssue<unknown>>,
): Validated<TItem> {
  const output: v.InferOutput<TItem>[] = [];
  const issues: v.InferIssue<TItem>[] = [];
  for (const [key, value] of input.entries()) {
    const result = item['~run']({ value }, config);
    output.push(result.value);
    for (const issue of result.issues ?? []) {
      const here = { type: 'array', origin: 'value', input, key, value } as const;
      issues.push({ ...issue, path: [here, ...(issue.path ?? [])] });
    }
    if (issues.length >= MAX_ISSUES) break;
  }
  const [first, ...more] = issues;
  return first === undefined
    ? { typed: true, value: output }
    : { typed: false, value: output, issues: [first, ...more] };
}
