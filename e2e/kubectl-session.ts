// What a user does with kubectl, command by command: the same for every kubectl and every server.
import { chmod, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createCertificateRequest, createKey } from '@varve/kube';
import spawn, { SubprocessError } from 'nano-spawn';
import { expect, test } from 'vitest';

const commandMilliseconds = 60_000;

const pool = {
  apiVersion: 'machineconfiguration.openshift.io/v1',
  kind: 'MachineConfigPool',
  metadata: { name: 'worker' },
  spec: { maxUnavailable: 1, paused: false },
};
const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'settings', namespace: 'default' },
  data: { a: '1' },
};
/** Silent from the start: of one that was Ready and has no agent, the controllers would say so after a while. */
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'host-1', labels: { 'node-role.kubernetes.io/worker': '' } },
  status: {
    conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }],
    nodeInfo: { osImage: 'Debian 12', kernelVersion: '6.1.0' },
  },
};

interface Row {
  readonly args: readonly string[];
  readonly input?: unknown;
  /** Exit code; 0 unless given. */
  readonly code?: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}

/** In this order: later rows build on earlier ones. */
const rows: readonly Row[] = [
  { args: ['version'], stdout: /(Server|Kubernetes) Version: v1\.\d+\./ },
  {
    args: ['api-resources'],
    stdout: /machineconfigpools +mcp +machineconfiguration\.openshift\.io\/v1 +false +MachineConfigPool/,
  },
  { args: ['api-versions'], stdout: /^coordination\.k8s\.io\/v1$/m },
  { args: ['get', '--raw', '/readyz'], stdout: /^ok$/ },
  { args: ['get', 'namespaces'], stdout: /^kube-system +Active/m },
  {
    args: ['apply', '-f', '-'],
    input: pool,
    stdout: /^machineconfigpool\.machineconfiguration\.openshift\.io\/worker created$/m,
  },
  { args: ['apply', '-f', '-'], input: pool, stdout: /worker unchanged/ },
  { args: ['apply', '-f', '-'], input: configMap, stdout: /settings created/ },
  { args: ['apply', '-f', '-'], input: { ...configMap, data: { b: '2' } }, stdout: /settings configured/ },
  { args: ['get', 'cm', 'settings', '-o', 'jsonpath={.data}'], stdout: /^\{"b":"2"\}$/ },
  { args: ['apply', '-f', '-'], input: node, stdout: /node\/host-1 created/ },
  {
    args: ['apply', '-f', '-'],
    input: { ...node, metadata: { ...node.metadata, labels: { zone: 'a', 'node-role.kubernetes.io/worker': '' } } },
    stdout: /configured/,
  },
  {
    // kubectl's default, and not oc's.
    args: ['apply', '--validate=true', '-f', '-'],
    input: { ...pool, spec: { maxUnavailabel: 1 } },
    code: 1,
    stderr: /unknown field "spec\.maxUnavailabel"/,
  },
  {
    args: ['apply', '-f', '-'],
    input: { ...pool, spec: { paused: 'yes' } },
    code: 1,
    stderr: /spec\.paused in body must be of type boolean: "string"/,
  },
  { args: ['apply', '--server-side', '-f', '-'], input: pool, stdout: /worker serverside-applied/ },
  {
    args: ['apply', '--server-side', '--field-manager=other', '-f', '-'],
    input: { ...pool, spec: { maxUnavailable: 3 } },
    code: 1,
    stderr: /conflict with "kubectl"[^:]*: \.spec\.maxUnavailable/,
  },
  {
    args: ['apply', '--dry-run=server', '-f', '-'],
    input: { ...pool, metadata: { name: 'other' } },
    stdout: /created \(server dry run\)/,
  },
  {
    args: ['get', 'mcp', 'other'],
    code: 1,
    stderr: /machineconfigpools\.machineconfiguration\.openshift\.io "other" not found/,
  },
  { args: ['diff', '-f', '-'], input: pool, stdout: /^$/ },
  {
    args: ['diff', '-f', '-'],
    input: { ...pool, spec: { maxUnavailable: 2, paused: false } },
    code: 1,
    stdout: /^\+ +maxUnavailable: 2$/m,
  },
  { args: ['get', 'nodes'], stdout: /^NAME +STATUS +ROLES +AGE +VERSION\s[\s\S]*^host-1 +NotReady +worker +\d/m },
  { args: ['get', 'nodes', '-o', 'wide'], stdout: /KERNEL-VERSION[\s\S]*Debian 12 +6\.1\.0/ },
  { args: ['get', 'node', 'host-1', '-o', 'yaml'], stdout: /^kind: Node$/m },
  { args: ['get', 'mcp', '-o', 'json'], stdout: /"kind": "List"/ },
  { args: ['get', 'mcp', '-o', 'name'], stdout: /^machineconfigpool\.machineconfiguration\.openshift\.io\/worker$/ },
  { args: ['get', 'nodes', '-l', 'zone in (a,b)'], stdout: /host-1/ },
  { args: ['get', 'nodes', '-l', 'zone=b'], stderr: /No resources found/ },
  { args: ['get', 'nodes', '--field-selector', 'metadata.name=host-1'], stdout: /host-1/ },
  {
    args: ['get', 'nodes', '--sort-by', '.metadata.creationTimestamp', '-L', 'zone'],
    stdout: /ZONE\s[\s\S]*^host-1 .* a\s*$/m,
  },
  { args: ['get', 'pods', '-A', '-l', 'app=none'], stderr: /No resources found/ },
  { args: ['get', 'mcp', '--chunk-size=1'], stdout: /worker/ },
  { args: ['label', 'node', 'host-1', 'canary=true'], stdout: /labeled/ },
  { args: ['label', 'mcp', 'worker', 'canary=true'], stdout: /labeled/ },
  { args: ['label', 'node', 'host-1', 'canary-'], stdout: /unlabeled/ },
  { args: ['annotate', 'node', 'host-1', 'note=hello'], stdout: /annotated/ },
  { args: ['patch', 'mcp', 'worker', '--type=merge', '-p', '{"spec":{"paused":true}}'], stdout: /patched/ },
  {
    args: ['patch', 'mcp', 'worker', '--type=json', '-p', '[{"op":"replace","path":"/spec/paused","value":false}]'],
    stdout: /patched/,
  },
  {
    args: ['patch', 'mcp', 'worker', '-p', '{"spec":{"paused":true}}'],
    code: 1,
    stderr: /unknown format - accepted media types include/,
  },
  { args: ['patch', 'node', 'host-1', '-p', '{"spec":{"unschedulable":true}}'], stdout: /patched/ },
  {
    args: [
      'patch',
      'node',
      'host-1',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/spec/unschedulable","value":false}]',
    ],
    code: 1,
  },
  {
    args: [
      'patch',
      'node',
      'host-1',
      '--subresource=status',
      '-p',
      '{"status":{"conditions":[{"type":"Disk","status":"False"}]}}',
    ],
    stdout: /patched/,
  },
  {
    args: ['get', 'node', 'host-1', '-o', 'jsonpath={range .status.conditions[*]}{.type}={.status} {end}'],
    stdout: /^Disk=False Ready=Unknown /,
  },
  { args: ['get', 'node', 'host-1'], stdout: /NotReady,SchedulingDisabled/ },
  { args: ['uncordon', 'host-1'], stdout: /uncordoned/ },
  { args: ['cordon', 'host-1'], stdout: /cordoned/ },
  { args: ['drain', 'host-1'], stdout: /drained/ },
  { args: ['taint', 'node', 'host-1', 'down=true:NoSchedule'], stdout: /tainted/ },
  { args: ['taint', 'node', 'host-1', 'down-'], stdout: /untainted/ },
  { args: ['describe', 'node', 'host-1'], stdout: /Unschedulable: +true[\s\S]*Ready +Unknown[\s\S]*Events:/ },
  { args: ['describe', 'mcp', 'worker'], stdout: /API Version: +machineconfiguration\.openshift\.io\/v1/ },
  { args: ['describe', 'ns', 'default'], stdout: /Status: +Active/ },
  { args: ['describe', 'cm', 'settings'], stdout: /Name: +settings/ },
  { args: ['explain', 'mcp.spec.maxUnavailable'], stdout: /How many hosts may be unavailable at once/ },
  { args: ['explain', 'node.metadata.labels'], stdout: /FIELD: labels <map\[string\]string>/ },
  { args: ['explain', 'mc', '--recursive'], stdout: /kernelArguments/ },
  { args: ['wait', '--for=condition=Ready=Unknown', 'node/host-1', '--timeout=20s'], stdout: /condition met/ },
  { args: ['wait', '--for=jsonpath={.spec.maxUnavailable}=1', 'mcp/worker', '--timeout=20s'], stdout: /condition met/ },
  { args: ['wait', '--for=condition=Disk', 'node/host-1', '--timeout=1s'], code: 1, stderr: /timed out/ },
  { args: ['create', 'configmap', 'made', '--from-literal=a=b'], stdout: /configmap\/made created/ },
  { args: ['create', 'configmap', 'made', '--from-literal=a=b'], code: 1, stderr: /configmaps "made" already exists/ },
  { args: ['create', 'secret', 'generic', 'token', '--from-literal=a=b'], stdout: /secret\/token created/ },
  { args: ['get', 'secret', 'token', '-o', 'jsonpath={.data.a}'], stdout: /^Yg==$/ },
  { args: ['get', 'secrets'], stdout: /^token +Opaque +1 +\d/m },
  { args: ['create', 'namespace', 'team'], stdout: /namespace\/team created/ },
  { args: ['create', 'configmap', 'inside', '-n', 'team', '--from-literal=a=b'], stdout: /created/ },
  { args: ['create', 'configmap', 'x', '-n', 'nowhere'], code: 1, stderr: /namespaces "nowhere" not found/ },
  { args: ['replace', '-f', '-'], input: { ...configMap, data: { c: '3' } }, stdout: /replaced/ },
  { args: ['delete', 'namespace', 'team'], stdout: /"team" deleted/ },
  { args: ['get', 'cm', 'inside', '-n', 'team'], code: 1, stderr: /not found/ },
  { args: ['delete', 'namespace', 'default'], code: 1, stderr: /this namespace may not be deleted/ },
  { args: ['auth', 'whoami'], stdout: /Username +\S+admin/ },
  { args: ['auth', 'can-i', 'delete', 'nodes'], stdout: /^yes$/ },
  { args: ['auth', 'can-i', 'list', 'nodes', '--as', 'bob'], code: 1, stdout: /^no$/ },
  { args: ['auth', 'can-i', '--list'], stdout: /\*\.\*/ },
  {
    args: ['get', 'nodes', '--as', 'bob'],
    code: 1,
    stderr: /nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope/,
  },
  { args: ['get', 'events', '-n', 'kube-public'], stderr: /No resources found/ },
  { args: ['delete', 'cm', 'settings', 'made'], stdout: /"made" deleted/ },
  { args: ['delete', 'cm', 'settings'], code: 1, stderr: /configmaps "settings" not found/ },
  { args: ['delete', 'cm', 'settings', '--ignore-not-found'], stdout: /^$/ },
  { args: ['delete', 'mcp', 'worker', '--cascade=foreground'], stdout: /"worker" deleted/ },
];

export interface SessionServer {
  /** An administrator's. */
  readonly kubeconfig: string;
  readonly directory: string;
}

/** oc has these below `adm`. */
const administration: readonly string[] = ['certificate', 'cordon', 'drain', 'taint', 'uncordon'];

function commandOf(path: string, args: readonly string[]): string[] {
  const [verb = ''] = args;
  return basename(path) === 'oc' && administration.includes(verb) ? ['adm', ...args] : [...args];
}

/** Tests of one kubectl, or oc, against one fresh server, which is there once they run. */
export function testSession(path: string, serverOf: () => SessionServer): void {
  async function run(args: readonly string[], input?: string, env: Record<string, string> = {}) {
    const options = {
      env: { KUBECONFIG: serverOf().kubeconfig, HOME: serverOf().directory, ...env },
      signal: AbortSignal.timeout(commandMilliseconds),
      stdin: input === undefined ? ('ignore' as const) : { string: input },
    };
    try {
      const { stdout, stderr } = await spawn(path, commandOf(path, args), options);
      return { code: 0, stdout, stderr };
    } catch (error) {
      if (!(error instanceof SubprocessError) || error.exitCode === undefined) throw error;
      return { code: error.exitCode, stdout: error.stdout, stderr: error.stderr };
    }
  }

  test.each(rows.map((row, index) => ({ ...row, label: `${index + 1} kubectl ${row.args.join(' ')}` })))(
    '$label',
    async ({ args, input, code = 0, stdout, stderr }) => {
      const result = await run(args, input === undefined ? undefined : JSON.stringify(input));
      expect(result, `${result.stdout}\n${result.stderr}`).toMatchObject({ code });
      if (stdout !== undefined) expect(result.stdout).toMatch(stdout);
      if (stderr !== undefined) expect(result.stderr).toMatch(stderr);
    },
  );

  test('edit saves what the editor writes', async () => {
    await run(['create', 'configmap', 'edited', '--from-literal=a=before']);
    const editor = join(serverOf().directory, 'editor.sh');
    await writeFile(editor, '#!/bin/sh\nsed -i s/before/after/ "$1"\n');
    await chmod(editor, 0o755);
    const result = await run(['edit', 'cm', 'edited'], undefined, { KUBE_EDITOR: editor });
    expect(result).toMatchObject({ code: 0, stdout: 'configmap/edited edited' });
    expect((await run(['get', 'cm', 'edited', '-o', 'jsonpath={.data.a}'])).stdout).toBe('after');
  });

  test('edit of a custom kind saves what the editor writes', async () => {
    await run(['apply', '-f', '-'], JSON.stringify({ ...pool, metadata: { name: 'edited' } }));
    const editor = join(serverOf().directory, 'pool-editor.sh');
    await writeFile(editor, '#!/bin/sh\nsed -i "s/paused: false/paused: true/" "$1"\n');
    await chmod(editor, 0o755);
    const result = await run(['edit', 'mcp', 'edited'], undefined, { KUBE_EDITOR: editor });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const shown = await run(['get', 'mcp', 'edited', '-o', 'jsonpath={.spec.paused} {.metadata.generation}']);
    expect(shown.stdout).toBe('true 2');
  });

  test('get -w prints rows as they change', async () => {
    await run(['create', 'configmap', 'watched', '--from-literal=a=b']);
    const stop = new AbortController();
    const watching = spawn(path, ['get', 'cm', 'watched', '-w'], {
      env: { KUBECONFIG: serverOf().kubeconfig, HOME: serverOf().directory },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(commandMilliseconds)]),
    });
    const lines: string[] = [];
    try {
      for await (const line of watching) {
        lines.push(line);
        if (lines.length === 2) await run(['patch', 'cm', 'watched', '-p', '{"data":{"c":"d"}}']);
        if (lines.length === 3) stop.abort();
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
    expect(lines[1]).toMatch(/^watched +1 /);
    expect(lines[2]).toMatch(/^watched +2 /);
  });

  test('wait --for=delete ends when the object goes', async () => {
    await run(['create', 'configmap', 'leaving', '--from-literal=a=b']);
    const waiting = run(['wait', '--for=delete', 'cm/leaving', '--timeout=60s']);
    await run(['delete', 'cm', 'leaving']);
    expect(await waiting).toMatchObject({ code: 0 });
  });

  test('certificate approve and deny decide about requests', async () => {
    const request = createCertificateRequest({ commonName: 'jane', organizations: [], key: createKey() });
    for (const name of ['jane', 'joan']) {
      const csr = {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: {
          request: Buffer.from(request).toString('base64'),
          signerName: 'kubernetes.io/kube-apiserver-client',
          usages: ['client auth'],
          username: 'not-me',
        },
      };
      expect(await run(['create', '-f', '-'], JSON.stringify(csr))).toMatchObject({ code: 0 });
    }
    expect(await run(['certificate', 'approve', 'jane'])).toMatchObject({ code: 0 });
    expect(await run(['certificate', 'deny', 'joan'])).toMatchObject({ code: 0 });
    const { stdout } = await run(['get', 'csr']);
    expect(stdout).toMatch(/^jane +\d\S* +kubernetes\.io\/kube-apiserver-client +\S+admin +<none> +Approved/m);
    expect(stdout).toMatch(/^joan .* Denied$/m);
    expect((await run(['describe', 'csr', 'jane'])).stdout).toMatch(/Status: +Approved/);
  });
}
