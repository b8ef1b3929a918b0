import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Page } from 'playwright-core';

import { openPage } from '../support/browser.ts';
import { openRefundShop } from '../support/refund-shop.ts';
import type { RefundShop } from '../support/refund-shop.ts';

const APPROVAL = 'A colleague looks at it. You may close this page: the answer will be here.';

describe('examples/refund', () => {
  test('an approved refund is paid once, however often the process dies', async () => {
    await using shop = await openRefundShop();
    await using browser = await openPage(shop.origin);
    const { page: customer } = browser;

    // Between the first step and the question.
    const between = shop.killAt('GET /refunds?order=1042');
    await say(customer, 'Please refund order 1042');
    await between;
    await shop.start();
    await customer.getByRole('button', { name: 'Yes, please' }).click();
    await untilSaid(customer, APPROVAL);

    // While it waits for the operator, who looks before the service is back.
    await shop.kill();
    const operator = await customer.context().newPage();
    await shop.start();
    await operator.goto(`${shop.origin}/operator`);
    await operator.getByText('Order 1042').waitFor();
    await shop.kill();
    await operator.getByText('The service is away').waitFor();

    // With the money paid and the answer on its way.
    const paid = shop.killAt('POST /refunds');
    await operator.getByRole('button', { name: 'Approve' }).click();
    await shop.start();
    await paid;
    assert.equal(shop.payments.refunds.length, 1);
    await shop.start();

    await untilSaid(customer, '€249 are on their way back to you: refund R-1.');
    await operator.getByText('Order 1042: approved. €249 are on their way').waitFor();
    await operator.getByText('Nothing to decide.').waitFor();
    assert.deepEqual(await messagesOf(customer), [
      'Please refund order 1042',
      'A tent for two, €249. Shall I refund it?',
      'Yes, please',
      APPROVAL,
      '€249 are on their way back to you: refund R-1.',
    ]);
    assert.deepEqual(
      shop.requests.map(({ line }) => line),
      [
        'GET /orders/1042',
        'GET /refunds?order=1042',
        'GET /refunds?order=1042',
        'POST /refunds',
        'POST /refunds',
      ],
    );
    const keys = shop.requests.slice(-2).map(({ key }) => key);
    assert.match(keys[0] ?? '', /\/refund\/1$/);
    assert.equal(keys[0], keys[1]);
    assert.deepEqual(
      shop.payments.refunds.map(({ orderId, eur }) => ({ orderId, eur })),
      [{ orderId: '1042', eur: 249 }],
    );
  });

  test('an operator refuses with a note, which the customer reads', async () => {
    await using shop = await openRefundShop();
    await using browser = await openPage(shop.origin);
    const { page: customer, errors } = browser;
    await say(customer, '1042');
    await customer.getByRole('button', { name: 'Yes, please' }).click();
    await untilSaid(customer, APPROVAL);
    const operator = await operatorOf(shop, customer);
    await operator.getByLabel('Note').fill('It was used.');
    await operator.getByRole('button', { name: 'Refuse' }).click();
    await untilSaid(customer, 'I am sorry, there is no refund. It was used.');
    await operator.getByText('Order 1042: refused.').waitFor();
    assert.deepEqual(shop.payments.refunds, []);
    assert.deepEqual(errors, []);
  });

  test('a small refund needs no operator, and is paid once for all that ask', async () => {
    await using shop = await openRefundShop();
    await using browser = await openPage(shop.origin);
    const { page, errors } = browser;
    await say(page, 'My socks, order 1043');
    await page.getByRole('button', { name: 'Yes, please' }).click();
    await untilSaid(page, '€12 are on their way back to you: refund R-1.');
    await page.reload();
    await untilSaid(page, '€12 are on their way back to you: refund R-1.');
    assert.equal(await page.locator('.buttons').count(), 0);
    await say(page, '1043 again');
    await untilSaid(page, 'A pair of socks: refunded already, as R-1.');
    assert.equal(shop.payments.refunds.length, 1);
    const operator = await operatorOf(shop, page);
    await operator.getByText('Nothing to decide.').waitFor();
    assert.deepEqual(errors, []);
  });

  test('a decision that comes too late is said to be late', async () => {
    await using shop = await openRefundShop();
    await using browser = await openPage(shop.origin);
    const { page: customer } = browser;
    await say(customer, '1042');
    await customer.getByRole('button', { name: 'Yes, please' }).click();
    const operator = await operatorOf(shop, customer);
    await operator.getByText('Order 1042').waitFor();
    // Looks no more: it shows what is decided meanwhile.
    await operator.route('**/api/v1/questions?**', (route) => route.abort());
    const other = await operatorOf(shop, customer);
    await other.getByRole('button', { name: 'Approve' }).click();
    await untilSaid(customer, '€249 are on their way back to you: refund R-1.');
    await operator.getByRole('button', { name: 'Refuse' }).click();
    await operator.getByRole('alert').getByText('Order 1042 is decided already.').waitFor();
    assert.equal(shop.payments.refunds.length, 1);
  });
});

async function operatorOf(shop: RefundShop, customer: Page): Promise<Page> {
  const page = await customer.context().newPage();
  await page.goto(`${shop.origin}/operator`);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

function untilSaid(page: Page, text: string): Promise<void> {
  return page.locator('.messages p').getByText(text, { exact: true }).waitFor();
}

async function messagesOf(page: Page): Promise<string[]> {
  return page.locator('.messages .user p, .messages .assistant p').allInnerTexts();
}
