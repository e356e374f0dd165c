// The agent on the nodes of a cluster. A pod for each node installs it as a systemd service of the host, with a
// certificate of the host's own, in a privileged container that then ends. From then on the agent is the host's: it needs
// no pod, and the pod's other container, without any privilege, only shows its metrics.
import { type Manifest, manifest } from './manifest.ts';
import { agentMetricsPort, agentName, agentNamespace } from './names.ts';
import { denyAll, dns, httpsAnywhere } from './network.ts';

const labels = { 'app.kubernetes.io/name': agentName };
const selector = { matchLabels: labels };
const names = { name: agentName, namespace: agentNamespace, labels };
const tokenDirectory = '/var/run/secrets/varve';

export interface AgentsOptions {
  readonly image: string;
  /** Where hosts reach the API server, `https://host:port`; by the address that pods are given unless said. */
  readonly server?: string | undefined;
  /** Labels of the nodes that are managed. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

export function agentManifests(options: AgentsOptions): Manifest[] {
  return [
    manifest('apps/v1', 'DaemonSet', names, { spec: daemonSet(options) }),
    denyAll(agentNamespace),
    manifest('networking.k8s.io/v1', 'NetworkPolicy', names, {
      spec: {
        podSelector: selector,
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ ports: [{ protocol: 'TCP', port: 'metrics' }] }],
        egress: [dns, httpsAnywhere],
      },
    }),
  ];
}

function daemonSet({ image, server, nodeSelector }: AgentsOptions): object {
  return {
    selector,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: agentName,
        automountServiceAccountToken: false,
        priorityClassName: 'system-node-critical',
        nodeSelector: { 'kubernetes.io/os': 'linux', ...nodeSelector },
        // Also on nodes that are cordoned, not ready or of the control plane: those need it most.
        tolerations: [{ operator: 'Exists' }],
        terminationGracePeriodSeconds: 5,
        initContainers: [installer(image, server)],
        containers: [metrics(image)],
        volumes: volumes(),
      },
    },
  };
}

/** Writes to the host and speaks to its systemd, for which there is no smaller right than this. */
function installer(image: string, server: string | undefined): object {
  return {
    name: 'install',
    image,
    command: ['varve-agent', 'kube-install'],
    args: [
      '--root=/host',
      '--name=$(NODE_NAME)',
      `--token-file=${tokenDirectory}/token`,
      `--ca-file=${tokenDirectory}/ca.crt`,
      ...(server === undefined ? [] : [`--server=${server}`]),
    ],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    securityContext: { privileged: true, runAsUser: 0 },
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    volumeMounts: [
      { name: 'host', mountPath: '/host' },
      { name: 'token', mountPath: tokenDirectory, readOnly: true },
    ],
  };
}

function metrics(image: string): object {
  const probe = { httpGet: { path: '/livez', port: 'metrics' }, periodSeconds: 30, timeoutSeconds: 5 };
  return {
    name: 'metrics',
    image,
    command: ['varve-agent', 'kube-metrics'],
    args: [`--listen=:${agentMetricsPort}`, '--socket=/run/varve-agent/metrics.sock'],
    ports: [{ name: 'metrics', containerPort: agentMetricsPort }],
    livenessProbe: probe,
    readinessProbe: { ...probe, httpGet: { path: '/readyz', port: 'metrics' } },
    resources: { requests: { cpu: '5m', memory: '96Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
      // Where SELinux is on, confined containers reach no socket of the host (container-selinux).
      seLinuxOptions: { type: 'spc_t' },
    },
    volumeMounts: [{ name: 'agent', mountPath: '/run/varve-agent', readOnly: true }],
  };
}

function volumes(): object[] {
  const token = { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } };
  const authority = { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } };
  return [
    { name: 'host', hostPath: { path: '/', type: 'Directory' } },
    { name: 'agent', hostPath: { path: '/run/varve-agent', type: 'DirectoryOrCreate' } },
    { name: 'token', projected: { defaultMode: 0o400, sources: [token, authority] } },
  ];
}
