// The resources that the server serves: each definition with what is derived from it, once; its schema when the first
// request needs it.
import { apiVersionOf, podResource, type ResourceDefinition } from '@varve/api';
import { ApiServerError } from './error.ts';
import { lazily } from './lazily.ts';
import { objectMetaSchema } from './schema/object-meta.ts';
import { type Schema, schemaOf } from './schema/structural.ts';
import { qualifiedName } from './status.ts';
import { certificateSigningRequestStrategy } from './strategies/certificate-signing-request.ts';
import { namespaceStrategy } from './strategies/namespace.ts';
import { secretStrategy } from './strategies/secret.ts';
import { coreStrategy, customStrategy, type Strategy } from './strategies/strategy.ts';
import { type TableLayout, tableLayout } from './table/table.ts';

export interface ServedResource {
  readonly definition: ResourceDefinition;
  /** Qualified name, also the key in the store. */
  readonly id: string;
  readonly apiVersion: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** `metadata` is a plain object here: it has rules of its own. */
  readonly schema: Schema;
  /** The schema with that of `metadata` in it, for patches and applies. */
  readonly wholeSchema: Schema;
  readonly layout: TableLayout;
  readonly strategy: Strategy;
  readonly selectableFields: readonly string[];
}

export class Resources {
  readonly all: readonly ServedResource[];
  readonly #byPath = new Map<string, ServedResource>();
  readonly #byKind = new Map<string, ServedResource>();
  readonly #groupVersions = new Set<string>();

  /** Throws RESOURCE_DUPLICATE. */
  constructor(definitions: readonly ResourceDefinition[]) {
    const all: ServedResource[] = [];
    for (const definition of [...definitions, podResource]) {
      const resource = served(definition);
      const path = `${resource.apiVersion}/${definition.plural}`;
      if (this.#byPath.has(path)) {
        throw new ApiServerError('RESOURCE_DUPLICATE', `${path} is defined twice; pass each ResourceDefinition once`);
      }
      this.#byPath.set(path, resource);
      this.#byKind.set(`${resource.apiVersion}/${definition.kind}`, resource);
      this.#groupVersions.add(resource.apiVersion);
      all.push(resource);
    }
    this.all = all;
  }

  find(group: string, version: string, plural: string): ServedResource | undefined {
    return this.#byPath.get(`${apiVersionOf({ group, version })}/${plural}`);
  }

  findKind(apiVersion: string, kind: string): ServedResource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  byId(id: string): ServedResource | undefined {
    return this.all.find((resource) => resource.id === id);
  }

  hasGroupVersion(group: string, version: string): boolean {
    return this.#groupVersions.has(apiVersionOf({ group, version }));
  }
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** Namespaces are deleted one by one (kubernetes/pkg/registry/core/namespace/storage). */
const namespaceVerbs = allVerbs.filter((verb) => verb !== 'deletecollection');
const readVerbs = ['get', 'list', 'watch'];

function served(definition: ResourceDefinition): ServedResource {
  const namespaced = definition.scope === 'Namespaced';
  const schema = lazily(() => schemaOf(definition));
  const wholeSchema = lazily(() => ({
    ...schema(),
    properties: { ...schema().properties, metadata: objectMetaSchema },
  }));
  return {
    definition,
    id: qualifiedName(definition),
    apiVersion: apiVersionOf(definition),
    namespaced,
    verbs: verbsOf(definition),
    get schema() {
      return schema();
    },
    get wholeSchema() {
      return wholeSchema();
    },
    layout: tableLayout(definition),
    strategy: strategyOf(definition),
    selectableFields: ['metadata.name', ...(namespaced ? ['metadata.namespace'] : []), ...definition.selectableFields],
  };
}

function verbsOf(definition: ResourceDefinition): readonly string[] {
  // There are none here; `kubectl describe node` and `kubectl drain` must be able to see that.
  if (qualifiedName(definition) === 'pods') return readVerbs;
  return qualifiedName(definition) === 'namespaces' ? namespaceVerbs : allVerbs;
}

function strategyOf(definition: ResourceDefinition): Strategy {
  if (definition.custom) return customStrategy;
  switch (qualifiedName(definition)) {
    case 'secrets':
      return secretStrategy;
    case 'namespaces':
      return namespaceStrategy;
    case 'certificatesigningrequests.certificates.k8s.io':
      return certificateSigningRequestStrategy;
    case 'nodes':
      return { ...coreStrategy, keepsStatusOnCreate: true };
    case 'events':
      return { ...coreStrategy, createOnUpdate: true };
    case 'leases.coordination.k8s.io':
      return { ...coreStrategy, unconditionalUpdate: false, createOnUpdate: true };
    default:
      return coreStrategy;
  }
}
