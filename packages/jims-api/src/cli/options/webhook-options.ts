import { isWebhookHost } from '../../http/webhooks/webhook-hosts.ts';
import { WebhookSignatures } from '../../http/webhooks/webhook-signatures.ts';
import type { ServeOptions } from '../../server/serve-options.ts';
import type { Given, OptionName } from './command-table.ts';
import { UsageError, invalid } from './given-options.ts';

/** @throws UsageError for a host or a secret that is not valid. */
export function webhookOptions(
  given: Given,
): Pick<ServeOptions, 'webhookHosts' | 'webhookSecrets'> {
  const webhookHosts = wordsOf(given, 'webhook-hosts');
  const strange = webhookHosts.find((each) => !isWebhookHost(each));
  if (strange !== undefined) {
    throw invalid(
      'webhook-hosts',
      `'${strange}' is not a host such as hooks.example, receiver:8080, *.example.com or *.`,
    );
  }
  const webhookSecrets = wordsOf(given, 'webhook-secret');
  if (webhookSecrets.length > 0 && webhookHosts.length === 0) {
    throw new UsageError(
      '--webhook-secret needs --webhook-hosts beside it: nothing is sent without.',
    );
  }
  try {
    void new WebhookSignatures(webhookSecrets);
  } catch {
    throw invalid(
      'webhook-secret',
      'it is not whsec_ and 24 to 64 bytes in base64. Make one with: echo "whsec_$(openssl rand -base64 32)"',
    );
  }
  return { webhookHosts, webhookSecrets };
}

/** What to warn about: without a signature a receiver cannot know the sender. */
export function webhookWarnings({
  webhookHosts = [],
  webhookSecrets = [],
}: Pick<ServeOptions, 'webhookHosts' | 'webhookSecrets'>): readonly string[] {
  if (webhookHosts.length === 0 || webhookSecrets.length > 0) return [];
  return ['push notifications are not signed, as there is no --webhook-secret'];
}

/** All values, with commas or blanks between them. */
function wordsOf(given: Given, name: OptionName): readonly string[] {
  const words = given.list(name)?.flatMap((each) => each.split(/\s+/)) ?? [];
  return words.filter((word) => word !== '');
}
