// Two operators that both move hosts would take turns. Where another one serves the same kinds, ours must not run.
import { machineConfigPoolResource, partOfLabel, valueAt } from '@varve/api';
import { isKubeError } from '@varve/kube';
import { DeployError } from './error.ts';
import type { Server } from './finding.ts';

const { plural, group } = machineConfigPoolResource;
const kinds = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${plural}.${group}`;
const operator = '/apis/config.openshift.io/v1/clusteroperators/machine-config';

/** What else moves the hosts of this API server, in words; undefined when nothing does. */
export async function findOtherOperator(client: Server, signal: AbortSignal): Promise<string | undefined> {
  if (await readIfThere(client, operator, signal))
    return 'the Machine Config Operator of OpenShift (ClusterOperator machine-config)';
  const definition = await readIfThere(client, kinds, signal);
  for (const [label, ours] of Object.entries(partOfLabel)) {
    if (!definition || valueAt(definition, 'metadata', 'labels', label) === ours) continue;
    return `whoever made the CustomResourceDefinition ${plural}.${group}, which has no label ${label}=${ours}`;
  }
  const version = valueAt(await client.raw('/version', { signal }), 'gitVersion');
  if (typeof version === 'string' && version.includes('+varve-'))
    return '`varve up`, which runs the controllers itself';
  return undefined;
}

/** @throws DeployError OTHER_OPERATOR */
export async function refuseOtherOperator(client: Server, signal: AbortSignal): Promise<void> {
  const other = await findOtherOperator(client, signal);
  if (other === undefined) return;
  throw new DeployError(
    'OTHER_OPERATOR',
    `the hosts of this API server are moved by ${other}; remove it first, or use another cluster`,
  );
}

/** Undefined where the object or its kind is not there. */
export async function readIfThere(client: Server, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await client.raw(path, { signal });
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}
