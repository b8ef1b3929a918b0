// npm test: the refund with its payment service, in a process that dies where it hurts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { JimsApp } from 'jims-core';
import { testUser } from 'jims-core/testing';

import { startPayments } from './payments.ts';
import type { PaymentService } from './payments.ts';

describe('a refund', () => {
  let payments: PaymentService;
  let app: JimsApp;
  before(async () => {
    payments = await startPayments(0, 0);
    process.env['PAYMENTS_URL'] = payments.origin;
    ({ app } = await import('./app.ts'));
  });
  after(async () => {
    delete process.env['PAYMENTS_URL'];
    await payments[Symbol.asyncDispose]();
  });

  test('is not made when nobody answers in time', async () => {
    const user = testUser(app);
    await user.say('1043');
    const late = await user.expire();
    assert.equal(late.text, 'Nothing was refunded.');
    assert.deepEqual(payments.refunds, []);
  });

  test('is paid once, although the process dies while it is paid', async () => {
    const user = testUser(app);
    const first = await user.say('Please refund order 1043');
    assert.equal(first.text, 'A pair of socks, €12. Shall I refund it?');
    assert.deepEqual(first.buttons, ['yes', 'no']);

    const paid = await user.crashAndRecover(() => user.click('yes'), { in: 'refund' });
    assert.equal(paid.text, '€12 are on their way back to you: refund R-1.');
    assert.equal(payments.refunds.length, 1);
  });

  test('above the limit waits for a colleague, also while the service is away', async () => {
    const user = testUser(app, { everyRunTwice: true });
    await user.say('1042');
    const waiting = await user.click('yes');
    assert.match(waiting.text, /A colleague looks at it/);
    await user.crashAndRecover();
    const done = await user.waitAndAnswer('approve refund', { approved: true });
    assert.match(done.text, /€249 are on their way/);
  });
});
