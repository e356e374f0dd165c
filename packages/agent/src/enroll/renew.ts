// Renewal: a new key and a certificate for it, asked for with the present one.
import { setTimeout as sleep } from 'node:timers/promises';
import { createKey, type KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { failureOf } from '../report/failure.ts';
import { retryDelay } from '../retry-delay.ts';
import { type Identity, pendingKey, renewalTime, writeCredential } from './identity.ts';
import { requestCertificate } from './request.ts';

/** Longest delay of a Node timer, less than 2^31 ms. */
const longestSleep = 24 * 60 * 60_000;
const answerTimeout = 10 * 60_000;

/** Waits until the certificate is due, renews it, and returns; tries again until it works or `signal` aborts. */
export async function renewWhenDue(
  directory: string,
  identity: Identity,
  client: KubeClient,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const due = renewalTime(identity.cert).getTime();
  while (Date.now() < due) await sleep(Math.min(longestSleep, due - Date.now()), undefined, { signal });
  for (let failures = 0; ; ) {
    try {
      await renew(directory, identity, client, signal);
      logger.info('renewed the certificate');
      return;
    } catch (error) {
      signal.throwIfAborted();
      failures++;
      logger.warn({ failure: failureOf(error) }, 'cannot renew the certificate yet');
      await sleep(retryDelay(failures), undefined, { signal });
    }
  }
}

async function renew(directory: string, identity: Identity, client: KubeClient, signal: AbortSignal): Promise<void> {
  const { nodeName } = identity;
  const key = await pendingKey(directory, createKey, identity.key);
  const cert = await requestCertificate({
    client,
    nodeName,
    key,
    requester: 'node',
    signal,
    timeout: answerTimeout,
    onProgress: () => {},
  });
  await writeCredential(directory, { cert, key });
}
