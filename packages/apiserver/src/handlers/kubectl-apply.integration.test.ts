// What people do with kubectl that needs field managers: server-side apply, its conflicts, the way from client-side
// apply to it, diffs, and the fields that are shown. Needs kubectl.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { valueAt } from '@varve/api';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, describe, expect, test } from 'vitest';
import { parseJson } from '../test-client.ts';
import { startTestServer } from '../testing.ts';

const server = await startTestServer();
const directory = await mkdtemp(join(tmpdir(), 'varve-kubectl-'));
const environment = { KUBECONFIG: server.kubeconfig, HOME: directory, PATH: process.env.PATH ?? '' };

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
  expect(server.errors).toEqual([]);
});

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function kubectl(...argumentList: readonly string[]): Promise<Output> {
  try {
    const { stdout, stderr } = await spawn('kubectl', [...argumentList], { env: environment, timeout: 60_000 });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof SubprocessError) || error.exitCode === undefined) throw error;
    return { code: error.exitCode, stdout: error.stdout, stderr: error.stderr };
  }
}

async function manifest(name: string, object: object): Promise<string> {
  const path = join(directory, `${name}.json`);
  await writeFile(path, JSON.stringify(object));
  return path;
}

const configMap = (name: string, data: object) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const pool = (name: string, spec: object) => ({
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfigPool',
  metadata: { name },
  spec,
});

async function managersOf(kind: string, name: string): Promise<string[]> {
  const { stdout } = await kubectl('get', kind, name, '-o', 'json', '--show-managed-fields');
  const entries = valueAt(parseJson(stdout), 'metadata', 'managedFields');
  if (!Array.isArray(entries)) return [];
  return entries.map((entry) => `${String(valueAt(entry, 'operation'))} ${String(valueAt(entry, 'manager'))}`).sort();
}

describe('kubectl', () => {
  test('applies on the server, says who is in conflict, and forces', async () => {
    const first = await manifest('ssa', pool('ssa', { maxUnavailable: 1, paused: false }));
    expect((await kubectl('apply', '--server-side', '-f', first)).stdout).toBe(
      'machineconfigpool.machineconfiguration.openshift.io/ssa serverside-applied',
    );
    const second = await manifest('ssa-2', pool('ssa', { maxUnavailable: 2 }));
    const refused = await kubectl('apply', '--server-side', '--field-manager=other', '-f', second);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Apply failed with 1 conflict: conflict with "kubectl": .spec.maxUnavailable'),
    });
    const forced = ['apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', second];
    expect((await kubectl(...forced)).code).toBe(0);
    expect(await managersOf('mcp', 'ssa')).toEqual(['Apply kubectl', 'Apply other']);
    const { stdout } = await kubectl('get', 'mcp', 'ssa', '-o', 'yaml');
    expect(stdout).not.toContain('managedFields');
    expect(stdout).toContain('maxUnavailable: 2');
  });

  test('does nothing when nothing changed', async () => {
    const file = await manifest('still', configMap('still', { a: '1' }));
    const version = async () =>
      (await kubectl('get', 'cm', 'still', '-o', 'jsonpath={.metadata.resourceVersion}')).stdout;
    await kubectl('apply', '--server-side', '-f', file);
    const before = await version();
    await kubectl('apply', '--server-side', '-f', file);
    await kubectl('label', 'cm', 'still', '--overwrite', 'x=y');
    expect(await version()).not.toBe(before);
    const labelled = await version();
    await kubectl('apply', '--server-side', '-f', file);
    await kubectl('label', 'cm', 'still', '--overwrite', 'x=y');
    expect(await version()).toBe(labelled);
    expect(await managersOf('cm', 'still')).toEqual(['Apply kubectl', 'Update kubectl-label']);
  });

  test('moves from client-side apply to the server and removes what it no longer applies', async () => {
    const file = await manifest('moved', configMap('moved', { a: '1', b: '2' }));
    expect((await kubectl('apply', '-f', file)).stdout).toBe('configmap/moved created');
    expect(await managersOf('cm', 'moved')).toEqual(['Update kubectl-client-side-apply']);
    const changed = await manifest('moved-2', configMap('moved', { a: '3' }));
    const moved = await kubectl('apply', '--server-side', '-f', changed);
    expect(moved).toMatchObject({ code: 0, stdout: 'configmap/moved serverside-applied' });
    expect(await managersOf('cm', 'moved')).toEqual(['Apply kubectl', 'Apply kubectl-last-applied']);
    expect((await kubectl('get', 'cm', 'moved', '-o', 'jsonpath={.data}')).stdout).toBe('{"a":"3"}');
    const back = await kubectl('apply', '-f', file);
    expect(back).toMatchObject({ code: 0, stdout: 'configmap/moved configured', stderr: '' });
    expect((await kubectl('get', 'cm', 'moved', '-o', 'jsonpath={.data}')).stdout).toBe('{"a":"1","b":"2"}');
  });

  test('shows differences of both ways to apply without making them', async () => {
    const file = await manifest('diff', configMap('diff', { a: '1' }));
    await kubectl('apply', '--server-side', '-f', file);
    const changed = await manifest('diff-2', configMap('diff', { a: '2' }));
    const server = await kubectl('diff', '--server-side', '-f', changed);
    expect(server).toMatchObject({ code: 1, stdout: expect.stringContaining('+  a: "2"') });
    expect((await kubectl('diff', '--server-side', '-f', file)).code).toBe(0);
    const dry = await kubectl('apply', '--server-side', '--dry-run=server', '-f', changed);
    expect(dry.stdout).toBe('configmap/diff serverside-applied (server dry run)');
    expect((await kubectl('get', 'cm', 'diff', '-o', 'jsonpath={.data.a}')).stdout).toBe('1');
  });

  test('applies and patches kinds of Kubernetes with their lists, without warnings', async () => {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1', labels: { a: 'b' } },
      spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] },
    };
    const file = await manifest('node', node);
    expect(await kubectl('apply', '-f', file)).toEqual({ code: 0, stdout: 'node/n1 created', stderr: '' });
    const labelled = await manifest('node-2', { ...node, metadata: { name: 'n1', labels: { a: 'c' } } });
    expect(await kubectl('apply', '-f', labelled)).toEqual({ code: 0, stdout: 'node/n1 configured', stderr: '' });
    expect((await kubectl('cordon', 'n1')).code).toBe(0);
    expect((await kubectl('taint', 'node', 'n1', 'other=x:NoExecute')).code).toBe(0);
    const conditions = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    const patch = ['patch', 'node', 'n1', '--subresource=status', '--patch', JSON.stringify(conditions)];
    expect((await kubectl(...patch)).code).toBe(0);
    expect(await managersOf('node', 'n1')).toEqual([
      'Update kubectl',
      'Update kubectl-client-side-apply',
      'Update kubectl-patch',
      'Update kubectl-taint',
    ]);
    const { stdout } = await kubectl('get', 'node', 'n1', '-o', 'jsonpath={.spec.taints[*].key}');
    expect(stdout).toBe('other k');
  });

  test('replaces, edits, explains, and refuses fields that are unknown', async () => {
    const file = await manifest('replaced', configMap('replaced', { a: '1' }));
    expect((await kubectl('create', '-f', file)).code).toBe(0);
    await writeFile(file, JSON.stringify(configMap('replaced', { b: '2' })));
    expect((await kubectl('replace', '-f', file)).stdout).toBe('configmap/replaced replaced');
    expect(await managersOf('cm', 'replaced')).toEqual(['Update kubectl-create', 'Update kubectl-replace']);
    const unknown = await manifest('unknown', { ...configMap('unknown', {}), bogus: 1 });
    const refused = await kubectl('apply', '-f', unknown);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown field "bogus"') });
    const raw = await kubectl('apply', '--server-side', '-f', unknown);
    expect(raw).toMatchObject({ code: 1, stderr: expect.stringContaining('.bogus: field not declared in schema') });
    const explained = await kubectl('explain', 'mcp.spec.maxUnavailable');
    expect(explained.stdout).toContain('How many hosts may be unavailable at once');
    const old = await kubectl('explain', 'mcp.spec', '--recursive', '--output', 'plaintext-openapiv2');
    expect(old.stdout).toMatch(/maxUnavailable\s+<string>/);
    expect((await kubectl('explain', 'cm.metadata.managedFields')).stdout).toContain('fieldsV1');
  });
});
