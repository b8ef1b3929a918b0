import type { ChatSnapshot } from 'jims-client';
import type { JSX } from 'preact';

import { wasReached } from '../was-reached.ts';
import { useTexts } from './chat-context.ts';
import { WorkList } from './work-view.tsx';

/** Of a run with many steps the newest ones are shown. */
const SHOWN_STEPS = 6;

/** What the app does now. */
export function RunLine({ snapshot }: { readonly snapshot: ChatSnapshot }): JSX.Element {
  const { status, run } = snapshot;
  const isWorking = status !== 'ready' && status !== 'loading';
  return (
    <div class="run" part="status">
      {run && <WorkList work={run.steps.slice(-SHOWN_STEPS)} />}
      <div role="status" class={isWorking ? 'run-line' : 'run-line idle'}>
        {isWorking && (
          <>
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            <Words snapshot={snapshot} />
          </>
        )}
      </div>
    </div>
  );
}

function Words({ snapshot }: { readonly snapshot: ChatSnapshot }): JSX.Element {
  const texts = useTexts();
  const { status, run, messages } = snapshot;
  const isTalking = messages.at(-1)?.state === 'growing';
  if (status === 'reconnecting') {
    return <span>{wasReached(snapshot) ? texts.reconnecting : texts.unreachable}</span>;
  }
  if (status === 'sending') return <span>{texts.sending}</span>;
  if (run?.status !== undefined) return <span dir="auto">{run.status}</span>;
  if (run && run.attempt > 1) return <span>{texts.restarted}</span>;
  // Who sees the words grow needs no other ones.
  return <span class={isTalking ? 'unseen' : undefined}>{texts.thinking}</span>; // words: ok
}
