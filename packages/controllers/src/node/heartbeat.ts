// A host whose agent no longer renews its Lease is not Ready: nobody knows how it is. The controller measures with its
// own clock, from when it last saw a renewal, as kubernetes' node lifecycle controller does: clocks of hosts differ, and
// after a restart every host gets the full time again.
import { type Lease, type Node, nodeResource } from '@varve/api';
import { type Controller, type ControllerContext, nameOf, nodeLeaseNamespace } from '../context.ts';
import { createQueue } from '../queue.ts';
import { nodeCondition, withNodeCondition } from './condition.ts';

/** Milliseconds (kube-controller-manager --node-monitor-grace-period, before 1.32). */
export const gracePeriod = 40_000;

export interface HeartbeatOptions {
  /** Milliseconds without a renewal; `gracePeriod` unless given. */
  readonly gracePeriod?: number;
}

interface Seen {
  /** The newest sign of life: of the lease, and of the Node's own Ready condition. */
  readonly sign: string;
  /** performance.now() of the first sight of it. */
  readonly at: number;
}

export function createHeartbeatController(context: ControllerContext, options: HeartbeatOptions = {}): Controller {
  const { informers, logger } = context;
  const grace = options.gracePeriod ?? gracePeriod;
  const seen = new Map<string, Seen>();
  const queue = createQueue('heartbeat', logger, async (name, signal) => {
    const node = informers.nodes.get(name);
    if (!node) {
      seen.delete(name);
      return;
    }
    const lease = informers.leases.get(`${nodeLeaseNamespace}/${name}`);
    const sign = signOfLife(node, lease);
    const last = seen.get(name);
    const heartbeat = last?.sign === sign ? last : { sign, at: performance.now() };
    seen.set(name, heartbeat);
    const remaining = heartbeat.at + grace - performance.now();
    if (remaining > 0) queue.addAfter(name, remaining);
    else await reportSilence(context, node, grace, signal);
  });
  informers.leases.onChange(({ object }) => queue.add(nameOf(object)));
  informers.nodes.onChange(({ key }) => queue.add(key));
  return { run: (signal) => queue.run(signal) };
}

/** An agent that is back may write its Node before its lease; both count. */
function signOfLife(node: Node, lease: Lease | undefined): string {
  const ready = nodeCondition(node, 'Ready');
  return JSON.stringify([lease?.spec?.renewTime, ready?.status, ready?.lastHeartbeatTime]);
}

/** The agent says Ready again by itself when it is back. */
async function reportSilence(
  { client, events }: ControllerContext,
  node: Node,
  grace: number,
  signal: AbortSignal,
): Promise<void> {
  const ready = nodeCondition(node, 'Ready');
  if (ready?.status === 'Unknown') return;
  const message = `its agent has not renewed its lease for ${Math.round(grace / 1000)} s`;
  const condition = { type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message } as const;
  await client.updateStatus(nodeResource, withNodeCondition(node, condition, new Date()), { signal });
  events.record(node, 'Warning', 'NodeNotReady', message);
}
