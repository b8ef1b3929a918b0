import type { RunTool } from 'jims-core/llm';

/** Tools whose work is an effect of the service that counts; a refund is approved by the contact. */
export function shopTools(id: string): Record<'find' | 'refund', RunTool> {
  return {
    find: {
      description: 'Finds the order',
      execute: (_, { idempotencyKey }) => call(id, 'find', idempotencyKey),
    },
    refund: {
      description: 'Refunds the order',
      title: 'Refund the order',
      needsApproval: true,
      execute: (_, { idempotencyKey }) => call(id, 'refund', idempotencyKey),
    },
  };
}

async function call(id: string, at: string, key: string): Promise<string> {
  const response = await fetch(`${process.env['FAULTS_EFFECTS'] ?? ''}/${id}/${at}`, {
    method: 'POST',
    headers: { 'x-pid': String(process.pid), 'idempotency-key': key },
  });
  return response.text();
}
