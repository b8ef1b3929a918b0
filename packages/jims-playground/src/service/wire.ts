// The answers of the API that the page reads, and `jims-client` has no types for.

/** What is served, from `GET /api/v1/app`. */
export interface AppDescription {
  readonly name: string | null;
  readonly description: string | null;
  readonly version: string | null;
  /** The version of JIMS. */
  readonly jims: string;
  readonly durable: boolean;
  readonly pipelines: readonly string[];
  readonly protocols: readonly {
    readonly name: string;
    readonly title: string;
    readonly addresses: readonly string[];
    readonly docs: string;
  }[];
  readonly models: readonly {
    readonly model: string;
    readonly requests: number;
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
  }[];
  readonly limits: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, unknown>>;
  readonly playground: boolean;
  readonly dev: Readonly<Record<string, unknown>> | null;
}

/** A question to a service. */
export interface AskedService {
  readonly name: string | null;
  /** What a service needs to know to answer. */
  readonly data: Readonly<Record<string, unknown>> | null;
  /** The JSON Schema of the answer. */
  readonly schema: Readonly<Record<string, unknown>> | null;
}
