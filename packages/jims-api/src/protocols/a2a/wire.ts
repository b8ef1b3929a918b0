// The parts of A2A 1.0 that this agent sends, as ProtoJSON: empty fields are left out.

import type { JsonObject } from 'jims-core';

export type TaskState =
  | 'TASK_STATE_SUBMITTED'
  | 'TASK_STATE_WORKING'
  | 'TASK_STATE_INPUT_REQUIRED'
  | 'TASK_STATE_COMPLETED'
  | 'TASK_STATE_FAILED'
  | 'TASK_STATE_CANCELED';

export type Part = TextPart | FilePart | DataPart;

interface TextPart {
  readonly text: string;
}

/** A file, by where it is downloaded. */
interface FilePart {
  readonly url: string;
  readonly filename: string;
  readonly mediaType: string;
}

interface DataPart {
  readonly data: JsonObject;
  readonly metadata?: Metadata;
}

export interface Message {
  readonly messageId: string;
  readonly role: 'ROLE_USER' | 'ROLE_AGENT';
  readonly parts: readonly Part[];
  readonly taskId: string;
  readonly contextId: string;
  readonly metadata?: Metadata;
}

export interface TaskStatus {
  readonly state: TaskState;
  readonly timestamp: string;
  readonly message?: Message;
}

export interface Artifact {
  readonly artifactId: string;
  readonly name?: string;
  readonly parts: readonly Part[];
  readonly metadata?: Metadata;
}

export type Metadata = Readonly<Record<string, unknown>>;

export interface Task {
  readonly id: string;
  readonly contextId: string;
  readonly status: TaskStatus;
  readonly artifacts?: readonly Artifact[];
  readonly history?: readonly Message[];
  readonly metadata: Metadata;
}

interface StatusUpdate {
  readonly taskId: string;
  readonly contextId: string;
  readonly status: TaskStatus;
  readonly metadata?: Metadata;
}

interface ArtifactUpdate {
  readonly taskId: string;
  readonly contextId: string;
  readonly artifact: Artifact;
  readonly append: boolean;
  readonly lastChunk: boolean;
}

/** One event of a stream; the first one is the task. */
export type StreamResponse =
  | { readonly task: Task }
  | { readonly statusUpdate: StatusUpdate }
  | { readonly artifactUpdate: ArtifactUpdate };
