// Node (core/v1): a host as Kubernetes tools see it. Its update is told by MachineConfigNode.
import * as z from 'zod';
import type { FieldError, KubeObject, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { keysAt, listAt, textAt, valueAt } from './read.ts';
import { timeSchema } from './time.ts';

const quantitiesSchema = z.record(
  z.string(),
  z.union([z.string(), z.number()]).meta({ 'x-kubernetes-int-or-string': true }),
);

const taintSchema = z.object({
  key: z.string().describe('Required. The taint key.'),
  value: z.string().optional(),
  effect: z
    .enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])
    .describe('What it does to pods that do not tolerate it.'),
  timeAdded: timeSchema.optional(),
});

const nodeConditionSchema = z.object({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastHeartbeatTime: timeSchema.nullable().optional(),
  lastTransitionTime: timeSchema.nullable().optional(),
});

const nodeInfoSchema = z.object({
  machineID: z.string().default(''),
  systemUUID: z.string().default(''),
  bootID: z.string().default(''),
  kernelVersion: z.string().default(''),
  osImage: z.string().default(''),
  containerRuntimeVersion: z.string().default(''),
  kubeletVersion: z.string().default(''),
  kubeProxyVersion: z.string().default(''),
  operatingSystem: z.string().default(''),
  architecture: z.string().default(''),
});

const nodeSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      podCIDR: z.string().optional(),
      podCIDRs: z
        .array(z.string())
        .optional()
        .meta({ 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' }),
      providerID: z.string().optional().describe('ID of the host at its cloud provider.'),
      unschedulable: z.boolean().optional().describe('True: no new pods are placed on the host (kubectl cordon).'),
      taints: z.array(taintSchema).optional().meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional()
    .describe('What is wanted of the host.'),
  status: z
    .object({
      capacity: quantitiesSchema.optional(),
      allocatable: quantitiesSchema.optional(),
      phase: z.string().optional(),
      conditions: z
        .array(nodeConditionSchema)
        .optional()
        .describe('The observed state; Ready=True means that the host is healthy.')
        .meta({
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'type',
        }),
      addresses: z
        .array(z.object({ type: z.string().describe('Hostname, InternalIP or ExternalIP.'), address: z.string() }))
        .optional()
        .meta({
          'x-kubernetes-list-type': 'atomic',
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'type',
        }),
      daemonEndpoints: z.object({ kubeletEndpoint: z.object({ Port: z.int() }).optional() }).optional(),
      nodeInfo: nodeInfoSchema.optional().describe('Ids and versions of the host.'),
      images: z
        .array(z.object({ names: z.array(z.string()).optional(), sizeBytes: z.int().optional() }))
        .optional()
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional()
    .describe("Written by the host's agent."),
});

/** On a Node that Varve has cordoned: since when. It is uncordoned only where this is. */
export const cordonedAnnotation = 'varve.dev/cordoned';

export interface Node {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: z.infer<typeof nodeSchema>['spec'];
  status?: z.infer<typeof nodeSchema>['status'];
}

const rolePrefix = 'node-role.kubernetes.io/';

function statusCell(node: KubeObject): string {
  const ready = listAt(node, 'status', 'conditions').find((condition) => textAt(condition, 'type') === 'Ready');
  const known = textAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  const state = ready === undefined ? 'Unknown' : known;
  return valueAt(node, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

function rolesCell(node: KubeObject): string {
  const roles = new Set<string>();
  for (const label of keysAt(node, 'metadata', 'labels')) {
    if (label.startsWith(rolePrefix) && label.length > rolePrefix.length) roles.add(label.slice(rolePrefix.length));
  }
  const role = node.metadata.labels?.['kubernetes.io/role'] ?? '';
  if (role !== '') roles.add(role);
  return roles.size === 0 ? '<none>' : [...roles].sort().join(',');
}

function addressCell(type: string): (node: KubeObject) => string {
  return (node) => {
    const address = listAt(node, 'status', 'addresses').find((entry) => textAt(entry, 'type') === type);
    return textAt(address, 'address') || '<none>';
  };
}

function infoCell(field: string): (node: KubeObject) => string {
  return (node) => textAt(node, 'status', 'nodeInfo', field) || '<unknown>';
}

function validateNode(node: Node, old: Node | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, taint] of (node.spec?.taints ?? []).entries()) {
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) {
      errors.push({
        reason: 'FieldValueDuplicate',
        field: `spec.taints[${index}]`,
        message: `Duplicate value: ${JSON.stringify(id)}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(id);
  }
  for (const field of ['providerID', 'podCIDR'] as const) {
    const before = old?.spec?.[field] ?? '';
    if (before !== '' && node.spec?.[field] !== before) {
      errors.push({
        reason: 'FieldValueForbidden',
        // Upstream names the list, of which the first is this one.
        field: field === 'podCIDR' ? 'spec.podCIDRs' : `spec.${field}`,
        message: `Forbidden: node updates may not change ${field} except from "" to valid`,
      });
    }
  }
  return errors;
}

export const nodeResource: ResourceDefinition<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  categories: [],
  scope: 'Cluster',
  schema: nodeSchema.describe('A host of the fleet.'),
  statusSubresource: true,
  custom: false,
  storage: 'durable',
  columns: [
    { name: 'Status', type: 'string', description: 'Whether the host is ready', cell: statusCell },
    { name: 'Roles', type: 'string', description: 'Roles by its labels', cell: rolesCell },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
    {
      name: 'Version',
      type: 'string',
      description: 'Version of its agent',
      cell: (node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion'),
    },
    {
      name: 'Internal-IP',
      type: 'string',
      description: 'Address inside',
      priority: 1,
      cell: addressCell('InternalIP'),
    },
    {
      name: 'External-IP',
      type: 'string',
      description: 'Address outside',
      priority: 1,
      cell: addressCell('ExternalIP'),
    },
    { name: 'OS-Image', type: 'string', description: 'Operating system', priority: 1, cell: infoCell('osImage') },
    { name: 'Kernel-Version', type: 'string', description: 'Kernel', priority: 1, cell: infoCell('kernelVersion') },
    {
      name: 'Container-Runtime',
      type: 'string',
      description: 'Container runtime',
      priority: 1,
      cell: infoCell('containerRuntimeVersion'),
    },
  ],
  selectableFields: ['spec.unschedulable'],
  validate: validateNode,
};
