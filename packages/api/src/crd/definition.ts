// CustomResourceDefinitions (apiextensions.k8s.io/v1) of our kinds, made from the definitions by which the embedded API
// server serves them, so that both validate, default, prune and print alike.
import type { PrinterColumn, ResourceDefinition } from '../resource.ts';
import { structuralSchema } from '../structural-schema.ts';
import { type JsonSchemaProps, rootSchemaProps } from './schema-props.ts';

export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames?: readonly string[];
      readonly categories?: readonly string[];
    };
    readonly scope: 'Cluster' | 'Namespaced';
    readonly versions: readonly CustomResourceVersion[];
  };
}

interface CustomResourceVersion {
  readonly name: string;
  readonly served: true;
  readonly storage: true;
  readonly schema: { readonly openAPIV3Schema: JsonSchemaProps };
  readonly subresources?: { readonly status: Readonly<Record<string, never>> };
  readonly selectableFields?: readonly { readonly jsonPath: string }[];
  readonly additionalPrinterColumns?: readonly CustomResourceColumn[];
}

interface CustomResourceColumn {
  readonly name: string;
  readonly type: PrinterColumn['type'];
  readonly description: string;
  readonly jsonPath: string;
  readonly priority?: number;
}

/** Which of several versions a server has: whoever applies ours puts this label there too. */
export const partOfLabel = { 'app.kubernetes.io/part-of': 'varve' } as const;

/** @throws for a kind that Kubernetes serves itself, and for a column that no JSONPath describes */
export function customResourceDefinition(definition: ResourceDefinition): CustomResourceDefinition {
  const { group, version, kind, plural, singular, shortNames, categories, scope } = definition;
  if (!definition.custom) throw new TypeError(`${kind} is a kind of Kubernetes' own`);
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: partOfLabel },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length > 0 && { shortNames }),
        ...(categories.length > 0 && { categories }),
      },
      scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchemaProps(structuralSchema(definition)) },
          ...(definition.statusSubresource && { subresources: { status: {} } }),
          ...selectable(definition.selectableFields),
          ...(definition.columns.length > 0 && { additionalPrinterColumns: definition.columns.map(column) }),
        },
      ],
    },
  };
}

function selectable(fields: readonly string[]): Pick<CustomResourceVersion, 'selectableFields'> {
  return fields.length === 0 ? {} : { selectableFields: fields.map((field) => ({ jsonPath: `.${field}` })) };
}

function column({ name, type, description, jsonPath, priority }: PrinterColumn): CustomResourceColumn {
  if (jsonPath === undefined) throw new TypeError(`column ${name} has no JSONPath`);
  return { name, type, description, jsonPath, ...(priority !== undefined && { priority }) };
}
