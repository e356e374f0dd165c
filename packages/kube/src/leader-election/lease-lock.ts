// The one object that candidates write to become the leader: a Lease, changed only by whoever has read its newest version.
import { type Lease, leaseResource } from '@varve/api';
import type { KubeClient } from '../client.ts';
import { isKubeError } from '../error.ts';

export type LeaseSpec = NonNullable<Lease['spec']>;

/** Both methods throw KubeError. */
export interface LeaseLock {
  /** The lease as it is; undefined when there is none. */
  read(signal: AbortSignal): Promise<Lease | undefined>;
  /**
   * Replaces the spec of `lease`, or makes the lease when it is undefined. CONFLICT or ALREADY_EXISTS when another
   * candidate came first.
   */
  write(lease: Lease | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<Lease>;
}

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export function createLeaseLock(
  client: Pick<KubeClient, 'get' | 'create' | 'update'>,
  { namespace, name }: LeaseName,
): LeaseLock {
  return {
    async read(signal) {
      try {
        return await client.get(leaseResource, name, { namespace, signal });
      } catch (error) {
        if (isKubeError(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    },
    async write(lease, spec, signal) {
      if (lease !== undefined) return await client.update(leaseResource, { ...lease, spec }, { signal });
      const metadata = { namespace, name };
      const created: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
      return await client.create(leaseResource, created, { signal });
    },
  };
}
