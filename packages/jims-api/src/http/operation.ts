import type { GenericSchema } from 'valibot';

/** How the OpenAPI document describes a route. Schemas with a title become named components. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As the router has it: `/threads/:thread_id`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Markdown. */
  readonly description?: string;
  readonly tags: readonly string[];
  /** Needs no key, whatever the service asks for. */
  readonly open?: boolean;
  readonly parameters?: readonly OperationParameter[];
  /** The JSON body. */
  readonly request?: GenericSchema;
  readonly responses: Readonly<Record<number, OperationResponse>>;
  /** What else may be answered, each with the common error body. */
  readonly errors?: readonly ErrorStatus[];
}

export interface OperationParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required?: boolean;
  readonly schema: GenericSchema;
}

export interface OperationResponse {
  readonly description: string;
  /** Default `application/json`. */
  readonly contentType?: string;
  readonly schema?: GenericSchema;
  readonly example?: unknown;
}

/** The statuses that mean the same on every route. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 500 | 503 | 504;

/** A `maxLength` that is the service's limit of a message: at most so many bytes are so many characters. */
export const MESSAGE_LENGTH = 'max-message-size';
