import type { TitledStep, TitledTool } from '../../chat/work-reader.ts';
import type { ApprovalPart, ApprovalResponse } from './approvals.ts';
import type { DataPart, SourcePart } from './ui-messages.ts';

/** What is sent of the UI message stream, version 1. */
export type Chunk =
  | { readonly type: 'start'; readonly messageId?: string; readonly messageMetadata: Metadata }
  | { readonly type: 'start-step' | 'finish-step' | 'reset-step' }
  | { readonly type: 'data-heartbeat'; readonly data: null; readonly transient: true }
  | { readonly type: 'text-start' | 'text-end'; readonly id: string }
  | { readonly type: 'text-delta'; readonly id: string; readonly delta: string }
  | {
      readonly type: 'data-status';
      readonly data: { readonly status: string; readonly type: string };
      readonly transient: true;
    }
  | {
      readonly type: 'data-event';
      readonly data: { readonly event_type: string; readonly event_data: object };
      readonly transient: true;
    }
  | { readonly type: 'reasoning-start' | 'reasoning-end'; readonly id: string }
  | { readonly type: 'reasoning-delta'; readonly id: string; readonly delta: string }
  | {
      readonly type: 'file';
      readonly url: string;
      readonly mediaType: string;
      readonly providerMetadata: { readonly jims: { readonly filename: string } };
    }
  | SourcePart
  | DataPart
  | ToolChunk
  | {
      readonly type: 'tool-approval-request';
      readonly approvalId: string;
      readonly toolCallId: string;
      readonly reason: string;
    }
  | { readonly type: 'tool-output-denied'; readonly toolCallId: string }
  | {
      readonly type: 'finish';
      /** `other`: it was stopped. */
      readonly finishReason: 'stop' | 'other';
      readonly messageMetadata: Metadata;
    }
  | { readonly type: 'abort'; readonly reason: string }
  | { readonly type: 'error'; readonly errorText: string };

/** A step or a tool, as a tool that the client does not know and that is called on the server. */
export type ToolChunk = {
  readonly toolCallId: string;
  readonly dynamic: true;
  readonly providerExecuted: true;
} & (
  | {
      readonly type: 'tool-input-available';
      readonly toolName: string;
      readonly title: string;
      readonly input: unknown;
    }
  | { readonly type: 'tool-output-available'; readonly output: unknown }
  | { readonly type: 'tool-output-error'; readonly errorText: string }
);

/** Kept by the client with the message, and sent back with it. */
export interface Metadata {
  readonly thread_id: string;
  readonly run_id: string;
  /** Of all models together, by the AI SDK's names; at the end. */
  readonly usage?: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly totalTokens: number;
    readonly cachedInputTokens: number;
  };
}

/** A question of yes or no: a tool call, and the request to approve it. */
export function approvalChunks({ toolCallId, toolName, title, input }: ApprovalPart): Chunk[] {
  const call = { toolCallId, dynamic: true, providerExecuted: true } as const;
  return [
    { type: 'tool-input-available', ...call, toolName, title, input },
    { type: 'tool-approval-request', approvalId: toolCallId, toolCallId, reason: title },
  ];
}

/** The end of a question of yes or no, which the client has in its last message. */
export function respondedChunk({ id: toolCallId, approved }: ApprovalResponse): Chunk {
  if (!approved) return { type: 'tool-output-denied', toolCallId };
  const call = { toolCallId, dynamic: true, providerExecuted: true } as const;
  return { type: 'tool-output-available', ...call, output: 'yes' };
}

/** A step: nothing of it but its title is sent. */
export function stepChunk({ number, title, status }: TitledStep, runId: string): ToolChunk {
  return toolChunk({ id: `${runId}:step-${number}`, name: 'step', title, status });
}

/** A tool: with its name, and what goes in and comes out, for those who see the work of runs. */
export function toolChunk(tool: TitledTool): ToolChunk {
  const { id, title, status, name = 'tool', input = {}, output = null } = tool;
  const call = { toolCallId: id, dynamic: true, providerExecuted: true } as const;
  switch (status) {
    case 'running':
      return { type: 'tool-input-available', ...call, toolName: name, title, input };
    case 'completed':
      return { type: 'tool-output-available', ...call, output };
    case 'failed':
      return { type: 'tool-output-error', ...call, errorText: tool.error ?? `${title}: failed` };
  }
}
