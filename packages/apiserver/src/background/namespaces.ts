// The namespaces that exist from the start.
import { randomUUID } from 'node:crypto';
import type { Store } from '../store/store.ts';
import { nameLabel } from '../strategies/namespace.ts';
import { timestamp } from '../time.ts';

const firstNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export async function ensureNamespaces(store: Store): Promise<void> {
  const missing = firstNamespaces.filter(
    (name) => store.get({ resource: 'namespaces', namespace: '', name }) === undefined,
  );
  if (missing.length === 0) return;
  await store.write((transaction) => {
    for (const name of missing) {
      transaction.put(
        { resource: 'namespaces', namespace: '', name },
        {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: {
            name,
            uid: randomUUID(),
            creationTimestamp: timestamp(new Date()),
            labels: { [nameLabel]: name },
          },
          spec: { finalizers: ['kubernetes'] },
          status: { phase: 'Active' },
        },
      );
    }
  });
}
