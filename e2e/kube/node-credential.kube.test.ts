// What a host's credential may do on a cluster with our manifests, found out by trying what it is tried with on `varve up`.
import { beforeAll, describe, expect, test } from 'vitest';
import { documentedTable, isAllowed } from '../../packages/server/src/credential-table.fixture.ts';
import { type Outcome, tryAll } from '../../packages/server/src/node-credential.fixture.ts';
import { installManifests } from './install.ts';
import { KubernetesServer } from './kubernetes.ts';
import { isGiven } from './open-cluster.ts';

let outcomes: readonly Outcome[] = [];

/** The table is that of the authorizers and admission that the built one has. */
const notHere = isGiven ? " (skipped: it needs the key of the cluster's authority)" : '';

beforeAll(async () => {
  if (isGiven) return;
  await using server = await KubernetesServer.start();
  await installManifests(server.kubeconfig, 'crds', 'access', 'policies');
  outcomes = await tryAll(server);
});

describe.skipIf(isGiven)(`a host's credential on a cluster${notHere}`, () => {
  test('does what the table in docs/security.md says, and nothing else', async () => {
    // The Node authorizer lets a host at subresources of its Lease that there are not.
    const absent = /^leases\//;
    const unclear = outcomes.filter(
      ({ attempt, code }) => !isAllowed(code) && code !== 403 && !(code === 404 && absent.test(attempt.what)),
    );
    expect(unclear.map(({ attempt, code }) => `${code} ${attempt.method} ${attempt.path}`)).toEqual([]);
    const { documented, tried } = await documentedTable('what a host may do on a cluster', outcomes);
    expect(documented).toBe(tried);
  });

  test('writes nothing that is not its own, but events, which Kubernetes lets kubelets write about everything', () => {
    const reads = ['get', 'list', 'watch', 'list by name', 'watch by name'];
    const strangers = outcomes.filter(
      ({ attempt, code }) => isAllowed(code) && attempt.object !== 'its own' && !reads.includes(attempt.verb),
    );
    expect([...new Set(strangers.map(({ attempt }) => attempt.what))]).toEqual(['events']);
  });
});
