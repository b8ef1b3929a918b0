import type { VNode } from 'preact';

/** Why something did not work; nothing when it did. */
export function Problem({ error }: { readonly error: unknown }): VNode | null {
  if (error === undefined || error === null) return null;
  return (
    <p class="problem" role="alert">
      {error instanceof Error ? error.message : 'It did not work.'}
    </p>
  );
}
