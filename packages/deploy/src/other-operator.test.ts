import { partOfLabel } from '@varve/api';
import { KubeError } from '@varve/kube';
import { expect, test } from 'vitest';
import type { Server } from './finding.ts';
import { refuseOtherOperator } from './other-operator.ts';

const { signal } = new AbortController();
const pools =
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/machineconfigpools.machineconfiguration.openshift.io';
const operator = '/apis/config.openshift.io/v1/clusteroperators/machine-config';
const kubernetes = { '/version': { gitVersion: 'v1.36.1' } };

/** A server with these objects. */
function server(objects: Readonly<Record<string, unknown>>): Server {
  return {
    async raw(path) {
      if (path in objects) return objects[path];
      throw new KubeError('NOT_FOUND', path);
    },
  };
}

test.each<[what: string, objects: Readonly<Record<string, unknown>>]>([
  ['an empty cluster', kubernetes],
  ['a cluster with our kinds', { ...kubernetes, [pools]: { metadata: { labels: partOfLabel } } }],
])('%s is taken', async (_what, objects) => {
  await refuseOtherOperator(server(objects), signal);
});

test.each<[what: string, objects: Readonly<Record<string, unknown>>, named: string]>([
  ['OpenShift', { ...kubernetes, [operator]: {}, [pools]: { metadata: { labels: partOfLabel } } }, 'OpenShift'],
  ["another's kinds", { ...kubernetes, [pools]: { metadata: { labels: { app: 'x' } } } }, 'no label'],
  ["another's kinds without labels", { ...kubernetes, [pools]: { metadata: {} } }, 'no label'],
  ['varve up', { '/version': { gitVersion: 'v1.34.0+varve-0.1.0' } }, 'varve up'],
])('%s is refused', async (_what, objects, named) => {
  await expect(refuseOtherOperator(server(objects), signal)).rejects.toMatchObject({
    code: 'OTHER_OPERATOR',
    message: expect.stringContaining(named),
  });
});

test('what cannot be asked is not taken for nothing', async () => {
  const raw = async () => {
    throw new KubeError('FORBIDDEN', 'no');
  };
  await expect(refuseOtherOperator({ raw }, signal)).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
