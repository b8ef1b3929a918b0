import type { VNode } from 'preact';

import { RunTab } from '../inspector/run-tab.tsx';
import { Tabs } from '../parts/tabs.tsx';
import type { Go } from '../parts/use-address.ts';
import type { Address } from '../service/address.ts';
import type { Service } from '../service/service.ts';
import type { ThreadFeed } from '../service/thread-feed.ts';
import type { AppDescription } from '../service/wire.ts';
import { AppTab } from '../tabs/app-tab.tsx';
import { LogTab } from '../tabs/log-tab.tsx';
import { ProtocolsTab } from '../tabs/protocols-tab.tsx';

const TABS = [
  { name: 'run', title: 'Run' },
  { name: 'log', title: 'Log' },
  { name: 'protocols', title: 'Protocols' },
  { name: 'app', title: 'App' },
] as const;

interface InspectorPaneProps {
  readonly service: Service;
  readonly feed: ThreadFeed | undefined;
  readonly app: AppDescription | undefined;
  readonly appError: unknown;
  readonly address: Address;
  readonly go: Go;
}

/** The run inspector, and what else there is to see. */
export function InspectorPane(props: InspectorPaneProps): VNode {
  const { address, go } = props;
  return (
    <aside class="pane inspector" id="inspector" aria-label="Inspector">
      <h2 class="sr-only">Inspector</h2>
      <div class="pane-head">
        <Tabs
          label="Inspector"
          tabs={TABS}
          selected={address.tab}
          onSelect={(tab) => go({ tab }, { replace: true })}
          panelId="panel"
        />
      </div>
      <div
        class="pane-body"
        id="panel"
        role="tabpanel"
        aria-labelledby={`panel-${address.tab}`}
        tabIndex={0}
      >
        <Panel {...props} />
      </div>
    </aside>
  );
}

function Panel({ service, feed, app, appError, address, go }: InspectorPaneProps): VNode {
  const { tab, runId } = address;
  if (tab === 'app') return <AppTab app={app} error={appError} base={service.base} />;
  if (!feed) return <p class="empty">Nothing was said yet. What happens in a run is shown here.</p>;
  if (tab === 'log') return <LogTab feed={feed} onRun={(id) => go({ runId: id, tab: 'run' })} />;
  if (tab === 'protocols')
    return <ProtocolsTab service={service} app={app} feed={feed} runId={runId} />;
  return (
    <RunTab
      service={service}
      feed={feed}
      isDurable={app?.durable === true}
      runId={runId}
      onRun={(id) => go({ runId: id })}
      onThread={(threadId) => go({ threadId, runId: undefined })}
    />
  );
}
