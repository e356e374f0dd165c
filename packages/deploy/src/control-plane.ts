// The controllers on a cluster: three of them, of which one leads. They need the API server and registries, and nothing
// of the node that they run on.
import { type Manifest, manifest } from './manifest.ts';
import { controllerName, metricsPort, registryAuthSecret, systemNamespace } from './names.ts';
import { denyAll, dns, httpsAnywhere } from './network.ts';

const labels = { 'app.kubernetes.io/name': controllerName };
const selector = { matchLabels: labels };
const names = { name: controllerName, namespace: systemNamespace, labels };

const registryAuthDirectory = '/etc/varve/registry';
/** As `kubectl create secret docker-registry` makes it; there need be none. */
const registryAuth = {
  secretName: registryAuthSecret,
  optional: true,
  items: [{ key: '.dockerconfigjson', path: 'config.json' }],
};

export interface ControlPlaneOptions {
  readonly image: string;
  readonly replicas: number;
}

export function controlPlaneManifests(options: ControlPlaneOptions): Manifest[] {
  return [
    manifest('apps/v1', 'Deployment', names, { spec: deployment(options) }),
    // A drain of the node of one must not wait for a human, and must not stop the others.
    manifest('policy/v1', 'PodDisruptionBudget', names, { spec: { maxUnavailable: 1, selector } }),
    manifest('v1', 'Service', names, {
      spec: { selector: labels, ports: [{ name: 'metrics', port: metricsPort, targetPort: 'metrics' }] },
    }),
    denyAll(systemNamespace),
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

function deployment({ image, replicas }: ControlPlaneOptions): object {
  return {
    replicas,
    selector,
    // The leader goes when its successor can take over.
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    template: { metadata: { labels }, spec: podSpec(image) },
  };
}

function podSpec(image: string): object {
  return {
    serviceAccountName: controllerName,
    automountServiceAccountToken: true,
    priorityClassName: 'system-cluster-critical',
    // Longer than the controllers need to end and to give their lease back.
    terminationGracePeriodSeconds: 45,
    affinity: spreadOverNodes(),
    tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container(image)],
    volumes: [{ name: 'registry-auth', secret: registryAuth }],
  };
}

function spreadOverNodes(): object {
  const controlPlane = [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }];
  return {
    nodeAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 50, preference: { matchExpressions: controlPlane } }],
    },
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 100, podAffinityTerm: { labelSelector: selector, topologyKey: 'kubernetes.io/hostname' } },
      ],
    },
  };
}

function container(image: string): object {
  const probe = (path: string) => ({ httpGet: { path, port: 'metrics' }, periodSeconds: 10, timeoutSeconds: 5 });
  return {
    name: 'controller',
    image,
    args: ['controller', `--namespace=${systemNamespace}`, '--identity=$(POD_NAME)', `--listen=:${metricsPort}`],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'DOCKER_CONFIG', value: registryAuthDirectory },
    ],
    ports: [{ name: 'metrics', containerPort: metricsPort }],
    livenessProbe: { ...probe('/livez'), initialDelaySeconds: 10, failureThreshold: 3 },
    readinessProbe: probe('/readyz'),
    resources: { requests: { cpu: '20m', memory: '128Mi' }, limits: { memory: '1Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'registry-auth', mountPath: registryAuthDirectory, readOnly: true }],
  };
}
