// Renewal: a new key and a certificate for it, asked for with the present one. A host that was off for too long has an
// expired one, which no server takes: it says so, and goes on when somebody has joined it again.
import { X509Certificate } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKey, type KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { failureOf } from '../report/failure.ts';
import { retryDelay } from '../retry-delay.ts';
import { type Identity, pendingKey, readCertificate, renewalTime, writeCredential } from './identity.ts';
import { requestCertificate } from './request.ts';

/** Longest delay of a Node timer, less than 2^31 ms. */
const longestSleep = 24 * 60 * 60_000;
const answerTimeout = 10 * 60_000;
const wrongClockPause = 10 * 60_000;

/**
 * Waits until the certificate is due, renews it, and returns; tries again until it works or `signal` aborts. Returns too
 * when a join has put another certificate in its place.
 */
export async function renewWhenDue(
  directory: string,
  identity: Identity,
  client: KubeClient,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const due = renewalTime(identity.cert).getTime();
  const end = new X509Certificate(identity.cert).validToDate;
  let told = false;
  while (Date.now() < due) await sleep(Math.min(longestSleep, due - Date.now()), undefined, { signal });
  for (let failures = 0; ; ) {
    if (!told && end < new Date()) {
      told = true;
      logger.error(
        { code: 'IDENTITY_EXPIRED', expired: end.toISOString() },
        'the certificate expired while it could not be renewed; the host stays as it is: join it again (varve node token on the control plane, then varve node join here)',
      );
    }
    try {
      const cert = await renew(directory, identity, client, signal);
      logger.info('renewed the certificate');
      if (renewalTime(cert).getTime() < Date.now()) await waitForClock(logger, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      const current = await readCertificate(directory);
      if (current !== undefined && current.trim() !== identity.cert.trim()) return;
      failures++;
      logger.warn({ failure: failureOf(error) }, 'cannot renew the certificate yet');
      await sleep(retryDelay(failures), undefined, { signal });
    }
  }
}

/** The new certificate. */
async function renew(directory: string, identity: Identity, client: KubeClient, signal: AbortSignal): Promise<string> {
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
  return cert;
}

/** Whatever such a host is given is due at once: it must not ask without end. */
async function waitForClock(logger: Logger, signal: AbortSignal): Promise<void> {
  logger.warn(
    "the new certificate is due for renewal already: set this host's clock, which is ahead of the control plane's",
  );
  await sleep(wrongClockPause, undefined, { signal });
}
