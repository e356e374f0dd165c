// Tables (meta.k8s.io/v1 Table): what `kubectl get` prints.
import { humanDuration, type PrinterColumn, type ResourceDefinition } from '@varve/api';
import { type ApiObject, isRecord, type JsonObject } from '../object.ts';
import { evaluate, type JsonPath, parseJsonPath } from './json-path.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

interface Column {
  readonly column: PrinterColumn;
  readonly path: JsonPath | undefined;
}

export interface TableLayout {
  readonly definitions: readonly JsonObject[];
  readonly columns: readonly Column[];
}

const nameColumn: PrinterColumn = {
  name: 'Name',
  type: 'string',
  description: 'Name of the object.',
  cell: (object) => object.metadata.name ?? '',
};
const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'Time since creation.',
  jsonPath: '.metadata.creationTimestamp',
};

/** Name comes first unless a column has that name; kinds without columns of their own also get Age. */
export function tableLayout(definition: ResourceDefinition): TableLayout {
  const own = definition.columns;
  const named = own.some((column) => column.name === 'Name');
  const aged = !definition.custom || own.some((column) => column.name === 'Age');
  const columns = [...(named ? [] : [nameColumn]), ...own, ...(aged ? [] : [ageColumn])];
  return {
    definitions: columns.map((column) => ({
      name: column.name,
      // Ages are text either way: the server computes them.
      type: column.type === 'date' && !definition.custom ? 'string' : column.type,
      format: column.name === 'Name' ? 'name' : '',
      description: column.description,
      priority: column.priority ?? 0,
    })),
    columns: columns.map((column) => ({
      column,
      path: column.jsonPath === undefined ? undefined : parseJsonPath(column.jsonPath),
    })),
  };
}

export function tableOf(
  layout: TableLayout,
  objects: readonly ApiObject[],
  options: {
    readonly version: string;
    readonly include: IncludeObject;
    readonly metadata: JsonObject;
    readonly now: Date;
    /** In a watch only the first table says what the columns are. */
    readonly withDefinitions: boolean;
  },
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.metadata,
    columnDefinitions: options.withDefinitions ? layout.definitions : null,
    rows: objects.map((object) => ({
      cells: layout.columns.map((column) => cellOf(column, object, options.now)),
      object: rowObject(object, options),
    })),
  };
}

function rowObject(object: ApiObject, options: { readonly include: IncludeObject; readonly version: string }): unknown {
  if (options.include === 'None') return null;
  return options.include === 'Object' ? object : partialMetadata(object, options.version);
}

export function partialMetadata(object: ApiObject, version: string): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata };
}

function cellOf({ column, path }: Column, object: ApiObject, now: Date): unknown {
  const value = path === undefined ? column.cell?.(object, now) : evaluate(path, object);
  if (value === undefined || value === null) return column.type === 'date' ? '<unknown>' : null;
  switch (column.type) {
    case 'date':
      return age(value, now);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    default:
      // Built-in kinds have columns of text with numbers in them.
      if (path === undefined && typeof value === 'number') return value;
      return typeof value === 'object' || Array.isArray(value) || isRecord(value)
        ? JSON.stringify(value)
        : String(value);
  }
}

function age(value: unknown, now: Date): string {
  const then = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(then) ? '<unknown>' : humanDuration((now.getTime() - then) / 1000);
}
