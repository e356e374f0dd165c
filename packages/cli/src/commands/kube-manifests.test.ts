import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { printManifests } from './kube-manifests.ts';

const options = { image: 'varve', replicas: 3, nodeSelector: {} };

function kindsOf(text: string): unknown[] {
  return text.split('\n---\n').map((document) => parse(document).kind);
}

test('prints all that a cluster without a Prometheus operator takes', () => {
  const kinds = kindsOf(printManifests(options, undefined, 'table'));
  for (const kind of ['CustomResourceDefinition', 'ClusterRole', 'Deployment', 'DaemonSet'])
    expect(kinds).toContain(kind);
  expect(kinds).not.toContain('ServiceMonitor');
});

test('prints single parts, in the order in which they can be applied', () => {
  const kinds = kindsOf(printManifests(options, ['monitoring', 'crds'], 'yaml'));
  expect(kinds[0]).toBe('CustomResourceDefinition');
  expect(new Set(kinds)).toEqual(new Set(['CustomResourceDefinition', 'ServiceMonitor', 'PodMonitor']));
});

test('prints one List as JSON', () => {
  const list = JSON.parse(printManifests(options, ['policies'], 'json'));
  expect(list.kind).toBe('List');
  expect(list.items.length).toBeGreaterThan(1);
});

test('prints lines that kubectl reads whole, without anchors', () => {
  const text = printManifests(options, undefined, 'yaml');
  expect(text).not.toMatch(/[:-] [&*][a-z]/);
  expect(text).not.toMatch(/: [>|]-?$/m);
});

test('names a part that is none', () => {
  expect(() => printManifests(options, ['crd'], 'yaml')).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
