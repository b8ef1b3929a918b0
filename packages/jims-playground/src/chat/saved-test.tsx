import type { VNode } from 'preact';

import { Code, CopyButton } from '../parts/copy-button.tsx';
import { Dialog } from '../parts/dialog.tsx';

interface SavedTestProps {
  readonly fileName: string;
  readonly title: string;
  readonly onClose: () => void;
}

/** Where the file of a conversation belongs, and the test that runs it. */
export function SavedTest({ fileName, title, onClose }: SavedTestProps): VNode {
  const code = testOf(fileName, title);
  return (
    <Dialog title="Saved as a test" onClose={onClose}>
      <p>
        Move <code class="file-name">{fileName}</code> from your downloads into the folder of your
        app, and add this to a test beside it, such as <code>app.test.ts</code>:
      </p>
      <Code text={code} label="The test" />
      <p class="soft">
        <code>node --test</code> runs it: the same is said again, the models give the recorded
        answers, and what comes out is compared.
      </p>
      <div class="dialog-actions">
        <CopyButton text={code} label="Copy the code" />
        <button type="button" class="primary small" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

function testOf(fileName: string, title: string): string {
  return `import { test } from 'node:test';
import { replayConversation } from 'jims-core/testing';
import { app } from './app.ts';

const file = new URL(${quoted(`./${fileName}`)}, import.meta.url);
test(${quoted(title)}, () => replayConversation(app, file));
`;
}

/** As a string in code, in the quotes of the docs. */
function quoted(text: string): string {
  const inside = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(String.raw`\"`, '"');
  return `'${inside.replaceAll("'", String.raw`\'`)}'`;
}
