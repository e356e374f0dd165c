// The manifests belong together, and say no more than they must. What a server says to them is tried in e2e/kube.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Manifest } from './manifest.ts';
import { manifests, type Part, parts } from './manifests.ts';
import { grants } from './rules.ts';

const options = { image: 'varve', replicas: 3, nodeSelector: {} };
const all = manifests({ ...options, parts });
const directory = fileURLToPath(new URL('../../../deploy/', import.meta.url));

function find(kind: string, name: string): Manifest {
  const found = all.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

test('each object is there once', () => {
  const names = all.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  expect(all.every(({ metadata }) => metadata.labels?.['app.kubernetes.io/part-of'] === 'varve')).toBe(true);
});

test('a namespace comes before what lies in it, and a role before its binding', () => {
  const seen = new Set(['Namespace/kube-public', 'Namespace/default']);
  for (const { kind, metadata, ...content } of all) {
    if (metadata.namespace !== undefined) expect(seen).toContain(`Namespace/${metadata.namespace}`);
    if (kind.endsWith('Binding') && metadata.name !== 'varve-host-renewal' && !kind.startsWith('Validating')) {
      expect(JSON.stringify(content.roleRef)).toContain(metadata.name);
      expect(seen).toContain(`${kind.replace('Binding', '')}/${metadata.name}`);
    }
    seen.add(`${kind}/${metadata.name}`);
  }
});

test('every binding of a service account names one that is there', () => {
  for (const { subjects } of grants) {
    for (const { kind, name, namespace } of subjects) {
      if (kind === 'ServiceAccount') expect(find(kind, name).metadata.namespace).toBe(namespace);
    }
  }
});

test('nobody is granted everything, secrets of everyone, or rights to give rights', () => {
  for (const { name, namespace, rules } of grants) {
    for (const rule of rules) {
      const words = [...rule.apiGroups, ...rule.resources, ...rule.verbs];
      expect(words, name).not.toContain('*');
      for (const verb of ['escalate', 'bind', 'impersonate', 'deletecollection'])
        expect(rule.verbs).not.toContain(verb);
      if (rule.resources.includes('secrets')) expect(namespace, name).toBe('varve-system');
      if (rule.resources.includes('secrets') && rule.verbs.includes('get')) expect(rule.resourceNames).toHaveLength(1);
      expect(rule.apiGroups, name).not.toContain('rbac.authorization.k8s.io');
    }
  }
});

test('what writes to the host ends before the pod runs, and is the only thing with privileges', () => {
  const text = JSON.stringify(find('DaemonSet', 'varve-agent').spec);
  expect(text.match(/"privileged":true/g)).toHaveLength(1);
  expect(text.indexOf('"privileged":true')).toBeLessThan(text.indexOf('"containers"'));
  for (const word of ['hostPID', 'hostNetwork', 'hostIPC']) expect(text).not.toContain(word);
  expect(JSON.stringify(find('Deployment', 'varve-controller'))).not.toContain('hostPath');
});

test('flags reach the pods', () => {
  const special = { image: 'registry.example/varve@sha256:1', replicas: 5, server: 'https://api.example:6443' };
  const made = manifests({
    ...options,
    ...special,
    nodeSelector: { role: 'edge' },
    parts: ['control-plane', 'agents'],
  });
  const text = JSON.stringify(made);
  expect(text).toContain('"replicas":5');
  expect(text).toContain('--server=https://api.example:6443');
  expect(text).toContain('"role":"edge"');
  expect(text.match(/"image":"registry.example\/varve@sha256:1"/g)).toHaveLength(3);
  expect(text).not.toContain('CustomResourceDefinition');
});

// After a change: vitest run --project unit packages/deploy --update
test.each<[file: string, parts: readonly Part[]]>([
  ['crds.yaml', ['crds']],
  ['varve.yaml', ['access', 'policies', 'control-plane', 'agents']],
  ['monitoring.yaml', ['monitoring']],
])('deploy/%s is what `varve kube manifests` prints', async (file, some) => {
  const made = manifests({ ...options, parts: some });
  const text = made.map((one) => stringify(one, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
  await expect(text).toMatchFileSnapshot(`${directory}${file}`);
});
