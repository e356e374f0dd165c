import type { MachineConfiguration } from '@varve/api';
import { expect, test } from 'vitest';
import { statusOf } from './controller.ts';

type Policy = MachineConfiguration['spec']['nodeDisruptionPolicy'];

function configurationOf(nodeDisruptionPolicy: Policy, status?: MachineConfiguration['status']): MachineConfiguration {
  return {
    ...{ apiVersion: 'operator.openshift.io/v1', kind: 'MachineConfiguration' },
    metadata: { name: 'cluster', generation: 3 },
    spec: nodeDisruptionPolicy ? { nodeDisruptionPolicy } : {},
    ...(status ? { status } : {}),
  };
}

test('without rules of the administrator the built-in ones hold', () => {
  const status = statusOf(configurationOf(undefined));
  expect(status.observedGeneration).toBe(3);
  expect(status.nodeDisruptionPolicyStatus?.clusterPolicies).toMatchObject({
    files: expect.arrayContaining([
      { path: '/var/lib/kubelet/config.json', actions: [{ type: 'None' }] },
      {
        path: '/etc/containers/policy.json',
        actions: [{ type: 'Reload', reload: { serviceName: 'crio.service' } }],
      },
    ]),
    sshkey: { actions: [{ type: 'None' }] },
  });
});

test('a rule of the administrator replaces the built-in one of its path, or comes behind them', () => {
  const own = { path: '/etc/containers/policy.json', actions: [{ type: 'Reboot' as const }] };
  const added = { path: '/etc/app', actions: [{ type: 'None' as const }] };
  const unit = { name: 'app.service', actions: [{ type: 'DaemonReload' as const }] };
  const sshkey = { actions: [{ type: 'Drain' as const }] };
  const { nodeDisruptionPolicyStatus } = statusOf(configurationOf({ files: [added, own], units: [unit], sshkey }));
  const rules = JSON.parse(JSON.stringify(nodeDisruptionPolicyStatus?.clusterPolicies));
  expect(rules.files.filter(({ path }: { path: string }) => path === own.path)).toEqual([own]);
  expect(rules.files.at(-1)).toEqual(added);
  expect(rules.units.at(-1)).toEqual(unit);
  expect(rules.sshkey).toEqual(sshkey);
});

test('what others have written into the status stays', () => {
  const conditions = [
    {
      type: 'Available',
      status: 'True' as const,
      reason: 'R',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ];
  const before = configurationOf(undefined, { observedGeneration: 2, conditions });
  const status = statusOf(before);
  expect(status.conditions).toEqual(conditions);
  // Written again when nothing has changed, it is the same.
  expect(statusOf({ ...before, status })).toEqual(status);
});
