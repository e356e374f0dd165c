// One connection to the control plane with one certificate: the watch on the own node, the reports, the renewal. It ends
// when the certificate was renewed; the next one begins with the new certificate.
import { machineConfigNodeResource } from '@varve/api';
import { EventRecorder, Informer, KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { connectionOf, type Identity, readIdentity } from './enroll/identity.ts';
import { renewWhenDue } from './enroll/renew.ts';
import { AgentError } from './error.ts';
import type { Reconciler } from './reconcile/run.ts';
import { drainedOf } from './report/drain.ts';
import type { NodeEvents } from './report/events.ts';
import type { LogRequests } from './report/log-request.ts';
import type { NodeReporter } from './report/node.ts';
import type { StatusReporter } from './report/reporter.ts';

export interface SessionParts {
  readonly reconciler: Reconciler;
  readonly status: StatusReporter;
  readonly node: NodeReporter;
  readonly events: NodeEvents;
  readonly logRequests: LogRequests;
  readonly logger: Logger;
}

/** The identity of a joined host. IDENTITY_INVALID when it has not joined. */
export async function requireIdentity(directory: string): Promise<Identity> {
  const identity = await readIdentity(directory);
  if (identity) return identity;
  throw new AgentError(
    'IDENTITY_INVALID',
    `${directory} holds no identity: this host has not joined; run \`varve node join\` first`,
  );
}

/** Follows the control plane until `signal` aborts. */
export async function followServer(directory: string, parts: SessionParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await runSession(directory, await requireIdentity(directory), parts, signal);
}

async function runSession(
  directory: string,
  identity: Identity,
  parts: SessionParts,
  signal: AbortSignal,
): Promise<void> {
  const { reconciler, status, node, events, logRequests, logger } = parts;
  const { nodeName } = identity;
  const end = new AbortController();
  const session = AbortSignal.any([signal, end.signal]);
  await using client = new KubeClient(connectionOf(identity));
  await using recorder = new EventRecorder(client, { component: 'varve-agent', host: nodeName });
  events.connect(recorder);
  const onError = (error: unknown) => logger.warn({ err: error }, 'the control plane cannot be told or asked');
  const informer = new Informer(client, machineConfigNodeResource, {
    fieldSelector: `metadata.name=${nodeName}`,
    onError,
  });
  informer.onChange(({ type, object }) => {
    if (type === 'deleted') {
      status.abandon();
      return;
    }
    events.about(object);
    if (type === 'added') status.adopt(object.status?.conditions ?? []);
    const drained = drainedOf(object);
    // Its cordon comes and goes with the drain.
    if (drained.status !== status.view.drained?.status) node.refresh();
    status.update({ drained });
    logRequests.accept(object, signal);
    reconciler.accept(object, client);
  });
  const loops = [
    informer.start(session),
    status.run(client, nodeName, onError, session),
    node.run(client, nodeName, onError, session),
  ];
  try {
    await renewWhenDue(directory, identity, client, logger, session);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end.abort();
    await Promise.allSettled(loops);
    events.connect(undefined);
  }
}
