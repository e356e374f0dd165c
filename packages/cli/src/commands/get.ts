// varve get: what kubectl get does, for a machine that has no kubectl. The server draws the table.
import type { ResourceDefinition } from '@varve/api';
import { collectionPath, type KubeClient, objectPath } from '@varve/kube';
import { formatTable } from '../output.ts';

export interface GetOptions {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly selector?: string | undefined;
  readonly signal: AbortSignal;
}

function pathOf(definition: ResourceDefinition, options: GetOptions): string {
  const { name, namespace, selector } = options;
  if (name !== undefined)
    return objectPath(definition, name, namespace ?? (definition.scope === 'Namespaced' ? 'default' : undefined));
  const query = selector === undefined ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
  return `${collectionPath(definition, namespace)}${query}`;
}

/** The object, or a List of them, as the server has it. */
export async function getObjects(
  client: KubeClient,
  definition: ResourceDefinition,
  options: GetOptions,
): Promise<unknown> {
  return await client.raw(pathOf(definition, options), { signal: options.signal });
}

interface Table {
  columnDefinitions: { name: string; priority?: number }[];
  rows: { cells: unknown[] }[];
}

/** The server's table (meta.k8s.io/v1 Table), as text; its columns of priority 1 only with `wide`. */
export async function getTable(
  client: KubeClient,
  definition: ResourceDefinition,
  options: GetOptions & { wide: boolean },
): Promise<string> {
  const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const table = (await client.raw(pathOf(definition, options), { signal: options.signal, accept })) as Table;
  if (table.rows.length === 0) return `No ${definition.plural} found.`;
  const shown = table.columnDefinitions
    .map((column, index) => ({ name: column.name, index, priority: column.priority ?? 0 }))
    .filter(({ priority }) => options.wide || priority === 0);
  return formatTable(
    shown.map(({ name }) => name),
    table.rows.map(({ cells }) => shown.map(({ index }) => String(cells[index] ?? ''))),
  );
}
