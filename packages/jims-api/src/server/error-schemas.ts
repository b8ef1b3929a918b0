import * as v from 'valibot';

/** Every error but 422. */
export const ErrorAnswer = v.pipe(
  v.object({
    detail: v.pipe(v.string(), v.description('What went wrong, for people')),
    code: v.pipe(
      v.optional(v.string()),
      v.description('What went wrong, for programs; absent where the original had none'),
    ),
  }),
  v.title('ErrorAnswer'),
);

const ValidationError = v.pipe(
  v.object({
    type: v.string(),
    loc: v.pipe(
      v.array(v.union([v.string(), v.pipe(v.number(), v.integer())])),
      v.description('Where: "body", then names and positions'),
    ),
    msg: v.string(),
    input: v.pipe(v.optional(v.unknown()), v.description('The value, cut when it is long')),
    ctx: v.optional(v.record(v.string(), v.unknown())),
  }),
  v.title('ValidationError'),
);

/** 422 of a request that cannot be understood, as FastAPI's clients know it. */
const HTTPValidationError = v.pipe(
  v.object({ detail: v.array(ValidationError) }),
  v.title('HTTPValidationError'),
);

/** 422: also of one that is understood and makes no sense, such as a key that was used for another. */
export const RefusedAnswer = v.union([HTTPValidationError, ErrorAnswer]);
