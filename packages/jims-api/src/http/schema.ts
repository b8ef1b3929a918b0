// Schemas that say what they are: the same one checks what is sent and is a part of the OpenAPI document.
import * as v from 'valibot';

/** A schema with what the document says about it. */
export function described<TSchema extends v.GenericSchema>(
  schema: TSchema,
  text: string,
): v.SchemaWithPipe<readonly [TSchema, v.DescriptionAction<v.InferOutput<TSchema>, string>]> {
  return v.pipe(schema, v.description(text));
}

type Titled<TEntries extends v.ObjectEntries> = v.GenericSchema<
  v.InferInput<v.ObjectSchema<TEntries, undefined>>,
  v.InferOutput<v.ObjectSchema<TEntries, undefined>>
>;

/** An object that is a named component of the document. */
export function titled<const TEntries extends v.ObjectEntries>(
  title: string,
  entries: TEntries,
  { examples }: { readonly examples?: readonly unknown[] } = {},
): Titled<TEntries> {
  const schema = v.pipe(v.object(entries), v.title(title));
  return examples ? v.pipe(schema, v.metadata({ examples })) : schema;
}
