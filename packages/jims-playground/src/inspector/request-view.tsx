import type { VNode } from 'preact';
import { useState } from 'preact/hooks';

import { Code, CopyButton } from '../parts/copy-button.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { clientCodeOf, curlOf } from './request-code.ts';
import type { CodeOptions } from './request-code.ts';

const FORMS = [
  { name: 'curl', title: 'curl' },
  { name: 'client', title: 'jims-client' },
] as const;

/** The request that sends the message of a run. */
export function RequestView(options: CodeOptions): VNode {
  const [form, setForm] = useState<'curl' | 'client'>('curl');
  const text = form === 'curl' ? curlOf(options) : clientCodeOf(options);
  return (
    <section aria-label="Request">
      <div class="section-head">
        <h3>Request</h3>
        <Tabs
          label="Form of the request"
          tabs={FORMS}
          selected={form}
          onSelect={setForm}
          panelId="request-panel"
        />
        <CopyButton text={text} />
      </div>
      <div id="request-panel" role="tabpanel" aria-labelledby={`request-panel-${form}`}>
        <Code text={text} label={form === 'curl' ? 'Request for a shell' : 'Code of the request'} />
      </div>
    </section>
  );
}
