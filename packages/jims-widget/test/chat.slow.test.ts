// The chat that <jims-chat> shows, in a real browser and with a real service, on pages with a strict policy.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { MessagePart, ThreadContext } from 'jims-core';
import type { Page } from 'playwright-core';
import * as v from 'valibot';

import { addFile, downloaded, isSeen, openPage } from '../../jims-api/test/support/browser.ts';
import { createGate } from '../../jims-api/test/support/gate.ts';
import { accessibilityFaults, serveWidget } from './support/widget-page.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const INLINE =
  '<main><h1>Help</h1><jims-chat contact-id="customer:1" heading="Support"></jims-chat></main>';

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
}

function untilSaid(page: Page, text: string): Promise<void> {
  return page.getByRole('listitem').getByText(text, { exact: true }).first().waitFor();
}

/** What a screen reader hears of it, from now on: each change of the live region is one item. */
async function announcements(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(`{
    const region = document.querySelector('jims-chat').shadowRoot.querySelector('[aria-atomic]');
    window.heard = [];
    new MutationObserver(() => region.textContent && window.heard.push(region.textContent))
      .observe(region, { childList: true, characterData: true, subtree: true });
  }`);
  return () => page.evaluate('window.heard');
}

describe('<jims-chat>', () => {
  test('an answer goes on after a reload, is announced once, and a stopped one keeps what was seen', async () => {
    const gate = createGate();
    await using served = await serveWidget(async (ctx) => {
      const isStopped = ctx.lastUserMessage === 'for ever';
      ctx.updateAgentStatus('Counting…');
      await ctx.sendMessage(
        (async function* () {
          yield 'One **two** ';
          if (isStopped) await createGate().passed(ctx.signal);
          await gate.passed(ctx.signal);
          for (const word of ['three ', 'four ', 'five.']) yield word;
        })(),
      );
    }, INLINE);
    await using browser = await openPage(served.origin);
    const { page } = browser;
    await page.setViewportSize({ width: 390, height: 844 });
    await say(page, 'count');
    await page.getByText('Counting…').waitFor();
    await page.locator('strong').getByText('two').waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.reload();
    await page.locator('strong').getByText('two').waitFor();
    const heard = await announcements(page);
    gate.open();
    await untilSaid(page, 'One two three four five.');
    await page.getByRole('button', { name: 'Good answer' }).waitFor();
    assert.deepEqual(await heard(), ['One two three four five.']);

    await say(page, 'for ever');
    await page.locator('strong').nth(1).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped').waitFor();
    await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
    assert.equal(await page.locator('strong').count(), 2);
    assert.deepEqual(browser.errors, []);
  });

  test('a message without an answer says so, also after the next one and a reload', async () => {
    let isBroken = true;
    await using served = await serveWidget((ctx) => {
      if (isBroken) throw new Error('kaboom');
      return ctx.sendMessage(`You said: ${ctx.lastUserMessage}`);
    }, INLINE);
    await using browser = await openPage(served.origin);
    const { page } = browser;
    const lost = page.getByRole('listitem').filter({ hasText: 'No answer' });
    await say(page, 'one');
    await lost.getByRole('button', { name: 'Try again' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 1);
    assert.deepEqual(await accessibilityFaults(page), []);
    isBroken = false;
    await say(page, 'two');
    await untilSaid(page, 'You said: two');
    assert.match(await lost.innerText(), /one/);
    await page.reload();
    await untilSaid(page, 'You said: two');
    await lost.waitFor();
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
    isBroken = true;
    await say(page, 'three');
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    isBroken = false;
    await page.getByRole('button', { name: 'Try again' }).click();
    await untilSaid(page, 'You said: three');
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0);
    // A run that is not durable cannot go on: its message is sent again in a copy of the thread.
    assert.deepEqual(
      browser.errors.filter((error) => !error.includes('409')),
      [],
    );
  });

  test('a question with buttons, tools, files in and out, feedback, a changed message, a new chat', async () => {
    await using served = await serveWidget(
      refundDesk,
      INLINE.replace(' contact-id="customer:1"', ''),
      {
        // Files need the key: the page gets them by fetch.
        authenticate: async (request) =>
          request.headers.get('authorization') === 'Bearer key of anna'
            ? { kind: 'contact', id: 'anna', contactId: 'anna' }
            : undefined,
      },
    );
    await using browser = await openPage(served.origin);
    const { page } = browser;
    await page.evaluate(
      `Object.assign(document.querySelector('jims-chat'), { token: async () => 'key of anna' })`,
    );
    await page.getByText('How can we help?').waitFor();
    const photo = { name: 'tent.png', mimeType: 'image/png', buffer: PIXEL };
    await addFile(page, page.getByRole('button', { name: 'Attach files' }), photo);
    await page.getByRole('list', { name: 'Attached files' }).getByText('tent.png').waitFor();
    await say(page, 'It is broken');

    await page.getByText('Looking at the photo').waitFor();
    await untilSaid(page, 'Shall I refund tent.png?');
    await isSeen(page.locator('.user img[alt="tent.png"]'));
    await page.getByRole('group', { name: 'Your answer is needed' }).waitFor();
    assert.equal(
      await page
        .getByRole('region', { name: 'Messages' })
        .getByText('Shall I refund tent.png?')
        .count(),
      1,
    );
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole('button', { name: 'Yes, please' }).click();
    await untilSaid(page, 'It is on its way.');
    await untilSaid(page, 'Yes, please');
    const receipt = page.getByRole('button', { name: 'receipt.txt' });
    assert.deepEqual(await downloaded(page, receipt), ['receipt.txt', '249 euros']);
    assert.equal(
      await page.getByRole('link', { name: 'Returns' }).getAttribute('rel'),
      'noopener noreferrer nofollow',
    );

    await page.getByRole('button', { name: 'Bad answer' }).last().click();
    await page.getByLabel('What was wrong?').fill('Too slow');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Bad answer', pressed: true }).waitFor();
    await page.reload();
    await page.evaluate(
      `Object.assign(document.querySelector('jims-chat'), { token: async () => 'key of anna' })`,
    );
    await page.getByRole('button', { name: 'Bad answer', pressed: true }).waitFor();

    await page.locator('.user', { hasText: 'It is broken' }).hover();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit' }).fill('It is whole');
    await page.keyboard.press('Enter');
    await untilSaid(page, 'Fine.');
    assert.equal(await page.getByText('It is on its way.').count(), 0);

    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('How can we help?').waitFor();
    assert.deepEqual(browser.errors, []);
  });

  test('a question with a schema is answered by a form, or by a click', async () => {
    const Address = v.object({
      city: v.pipe(v.string(), v.minLength(3), v.regex(/n/), v.title('City')),
      floor: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(9))),
      lift: v.boolean(),
      how: v.picklist(['day', 'night']),
    });
    await using served = await serveWidget(async (ctx) => {
      const where = await ctx.ask('Where to?', { schema: Address });
      const sure = await ctx.ask('Are you sure?', { schema: v.boolean() });
      const answers = [where, sure].map((reply) => reply.kind === 'message' && reply.value);
      return ctx.sendMessage(`It goes to ${JSON.stringify(answers)}`);
    }, INLINE);
    await using browser = await openPage(served.origin);
    const { page } = browser;
    await say(page, 'Send it');
    for (const [label, misfits, fits] of [
      ['City', ['on', 'Kiel'], 'Bonn'],
      ['floor', ['-1', '10', '1.5'], ''],
    ] as const) {
      const invalid = page.locator('input:invalid').and(page.getByLabel(label));
      for (const text of misfits) {
        await page.getByLabel(label).fill(text);
        assert.equal(await invalid.count(), 1, text);
      }
      await page.getByLabel(label).fill(fits);
      assert.equal(await invalid.count(), 0);
    }
    await page.getByLabel('lift').check();
    await page.getByLabel('how').selectOption('night');
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByRole('button', { name: 'Yes' }).click();
    await untilSaid(page, 'It goes to [{"city":"Bonn","lift":true,"how":"night"},true]');
    const said = page.locator('.user .plain');
    const answers = ['City: Bonn\nlift: Yes\nhow: night', 'Yes'];
    assert.deepEqual((await said.allInnerTexts()).slice(1), answers);
    await page.reload();
    await untilSaid(page, 'It goes to [{"city":"Bonn","lift":true,"how":"night"},true]');
    // Of a closed question no titles are known.
    assert.deepEqual((await said.allInnerTexts()).slice(1), [
      'city: Bonn\nlift: Yes\nhow: night',
      'Yes',
    ]);
    // Words are what they are.
    await say(page, '{"city":"Bonn"}');
    await said.nth(3).waitFor();
    assert.equal(await said.last().innerText(), '{"city":"Bonn"}');
    assert.deepEqual(browser.errors, []);
  });

  test('hostile Markdown is text, its links lead to web pages only, and it fits on a small phone', async () => {
    await using served = await serveWidget(
      (ctx) => ctx.sendMessage(HOSTILE[ctx.lastUserMessage ?? ''] ?? ''),
      INLINE,
    );
    await using browser = await openPage(served.origin);
    const { page } = browser;
    await page.setViewportSize({ width: 320, height: 640 });
    for (const name of Object.keys(HOSTILE)) {
      await say(page, name);
      await page.getByRole('button', { name: 'Good answer' }).last().waitFor();
      await page.getByRole('button', { name: 'Send', exact: true }).waitFor();
    }
    const links = await page
      .locator('.markdown a')
      .evaluateAll((all: { readonly href: string }[]) => all.map(({ href }) => href));
    assert.deepEqual(
      [...new Set(links)],
      [
        'https://shop.example/a',
        'https://shop.example/later',
        'mailto:anna@shop.example',
        'https://shop.example/tracking.png',
      ],
    );
    const parts = page.locator('.markdown').first();
    assert.equal(await parts.locator('b, script, iframe, img, [onclick], [style]').count(), 0);
    const text = await parts.innerText();
    for (const shown of ['<b onclick=alert(1)>', '<script>', '& © € A', '&nothing;']) {
      assert.ok(text.includes(shown), text);
    }
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320);
    const wide = await page
      .locator('.scroller')
      .evaluate(
        (scroller: { readonly scrollWidth: number; readonly clientWidth: number }) =>
          scroller.scrollWidth - scroller.clientWidth,
      );
    assert.equal(wide, 0);

    // The newest is in sight until the reader scrolls up.
    const jump = page.getByRole('button', { name: 'Jump to newest' });
    assert.equal(await jump.count(), 0);
    await page.mouse.move(160, 200);
    await page.mouse.wheel(0, -400);
    await jump.click();
    await jump.waitFor({ state: 'detached' });
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(browser.errors, []);
  });
});

/** By what is said to get it. */
const HOSTILE: Readonly<Record<string, string>> = {
  links: `[a](https://shop.example/a) [b](javascript:alert(1)) [c](JAVASCRIPT:alert(1)) <javascript:alert(1)>
[d](data:text/html,x) [e](//evil.example) [f](/orders) [g][later] [h][bad] <anna@shop.example>
![i](https://shop.example/tracking.png) ![j](javascript:alert(2)) [k](&#106;avascript:alert(1))
<b onclick=alert(1)>bold</b> <script>alert(1)</script>

<iframe src="https://evil.example"></iframe>

&amp; &copy; &euro; &#65; &nothing;

[later]: https://shop.example/later
[bad]: javascript:alert(1)`,
  nested: `${'> '.repeat(5000)}deep\n\n${'- '.repeat(5000)}deep\n\n${'*a **b '.repeat(3000)}`,
  quadratic: `${'_a'.repeat(20_000)}\n\n${'a.'.repeat(20_000)}@\n\n${'['.repeat(20_000)}`,
  wide: `${'w'.repeat(3000)}\n\n\`${'c'.repeat(300)}\`\n\n\`\`\`js\n${'x'.repeat(500)}\n\`\`\`\n
| a | b | c | d | e | f |\n|-|-|-|-|-|-|\n${'| one word | two words | 3 | 4 | five | six |\n'.repeat(500)}
# ${'Heading'.repeat(50)}\n`,
};

async function refundDesk(ctx: ThreadContext): Promise<void> {
  const [photo] = ctx.files;
  if (!photo || ctx.lastUserMessage !== 'It is broken') return ctx.sendMessage('Fine.');
  await ctx.sendMessage(lookAt(photo.name));
  const reply = await ctx.ask(`Shall I refund ${photo.name}?`, {
    buttons: [
      { id: 'yes', text: 'Yes, please' },
      { id: 'no', text: 'No' },
    ],
  });
  if (reply.kind !== 'message' || reply.buttonId !== 'yes') return;
  await ctx.sendMessage('It is on its way.', {
    sources: [{ url: 'https://shop.example/returns', title: 'Returns' }],
    files: [{ name: 'receipt.txt', mediaType: 'text/plain', data: Buffer.from('249 euros') }],
  });
}

async function* lookAt(name: string): AsyncGenerator<string | MessagePart> {
  yield { type: 'tool-call', id: '1', name: 'see', input: { name }, title: 'Looking at the photo' };
  yield { type: 'reasoning', text: 'There is a hole in it.' };
  yield { type: 'tool-result', id: '1', output: 'broken' };
  yield 'I see.';
}
