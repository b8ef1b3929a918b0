// The page about files: what it shows is what happens.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { folderWith, serveCommand } from '../support/command.ts';
import { HOURS, codeBlocks, curlCommands } from './code-blocks.ts';

const PAGE = 'docs/files.md';
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

test("docs/files.md: a file is sent, named, answered and read by the page's commands", async () => {
  const [program = ''] = codeBlocks(PAGE, 'ts');
  using folder = folderWith({ 'app.ts': program, 'package.json': '{"type": "module"}' });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const args = ['--app', './app.ts:app', '--db', 'sqlite::memory:'];
  await using command = await serveCommand(args, { cwd: folder.path });
  let fileId = '';
  const send = async (nth: number): Promise<string> => {
    const { url, init } = curlCommands(PAGE)[nth] ?? assert.fail(`${PAGE} has no command ${nth}`);
    const { body } = init;
    const response = await fetch(
      url.replace(/^localhost:8080/, command.url).replace('FILE_ID', fileId),
      { ...init, ...(typeof body === 'string' && { body: body.replace('FILE_ID', fileId) }) },
    );
    const text = await response.text();
    assert.ok(response.ok, text);
    return text;
  };
  const shown = JSON.parse(codeBlocks(PAGE, 'json')[0] ?? '');
  const file = JSON.parse(await send(0));
  const { file_id, created_at } = file;
  assert.deepEqual(file, { ...shown, file_id, created_at });
  fileId = String(file_id);
  const { events } = JSON.parse(await send(1));
  const { event_data: data } = events[0];
  assert.equal(data.content, `They say: ${HOURS}`);
  assert.equal(data.files[0].name, 'copy of hours.txt');
  assert.equal(await send(2), HOURS);
});
