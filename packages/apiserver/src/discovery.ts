// Discovery: which groups, versions and resources there are, in the old form (a document per group version) and
// aggregated (KEP-3352). Made once at the start; the resources do not change while the server runs.
import { createHash } from 'node:crypto';
import { apiVersionOf } from '@varve/api';
import { reviews } from './handlers/review.ts';
import type { JsonObject } from './object.ts';
import type { Resources, ServedResource } from './resources.ts';

interface Subresource {
  readonly name: string;
  readonly verbs: readonly string[];
}

interface Discoverable {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly Subresource[];
}

export interface Document {
  readonly text: string | Uint8Array;
  /** Strong entity tag, with its quotes. */
  readonly etag: string;
}

export interface Discovery {
  /** By path: /api, /apis, /api/v1, /apis/<group>, /apis/<group>/<version>. */
  readonly legacy: ReadonlyMap<string, Document>;
  /** By path: /api and /apis. */
  readonly aggregated: ReadonlyMap<string, Document>;
  readonly groupVersions: readonly { readonly group: string; readonly version: string }[];
}

export function document(value: unknown): Document {
  return documentOf(JSON.stringify(value));
}

export function documentOf<T extends string | Uint8Array>(text: T): Document & { readonly text: T } {
  return { text, etag: `"${createHash('sha512').update(text).digest('hex').toUpperCase()}"` };
}

export function discoveryOf(resources: Resources): Discovery {
  const entries = [...resources.all.map(discoverable), ...reviews.map(reviewEntry)];
  const groups = new Map<string, Map<string, Discoverable[]>>();
  for (const entry of entries) {
    const versions = groups.get(entry.group) ?? new Map<string, Discoverable[]>();
    groups.set(entry.group, versions.set(entry.version, [...(versions.get(entry.version) ?? []), entry]));
  }
  const legacy = new Map<string, Document>();
  const groupVersions: { group: string; version: string }[] = [];
  for (const [group, versions] of groups) {
    for (const [version, members] of versions) {
      groupVersions.push({ group, version });
      const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
      legacy.set(path, document(resourceList(apiVersionOf({ group, version }), members)));
    }
    if (group !== '')
      legacy.set(`/apis/${group}`, document({ kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group, versions) }));
  }
  const named = [...groups].filter(([group]) => group !== '');
  const core = [...groups].filter(([group]) => group === '');
  legacy.set('/api', document(coreVersions(groups.get(''))));
  legacy.set(
    '/apis',
    document({
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: named.map(([group, versions]) => groupEntry(group, versions)),
    }),
  );
  const aggregated = new Map([
    ['/api', document(aggregate(core))],
    ['/apis', document(aggregate(named))],
  ]);
  return { legacy, aggregated, groupVersions };
}

function discoverable({ definition, namespaced, verbs, strategy }: ServedResource): Discoverable {
  const status = definition.statusSubresource ? [{ name: 'status', verbs: ['get', 'patch', 'update'] }] : [];
  const others = Object.entries(strategy.subresources ?? {}).map(([name, { verbs }]) => ({ name, verbs }));
  const { group, version, plural, singular, kind, shortNames, categories } = definition;
  return {
    group,
    version,
    plural,
    singular,
    kind,
    shortNames,
    categories,
    namespaced,
    verbs,
    subresources: [...others, ...status],
  };
}

function reviewEntry(review: (typeof reviews)[number]): Discoverable {
  const singular = review.kind.toLowerCase();
  return { ...review, singular, verbs: ['create'], shortNames: [], categories: [], subresources: [] };
}

function coreVersions(versions: ReadonlyMap<string, unknown> | undefined): JsonObject {
  return {
    kind: 'APIVersions',
    versions: [...(versions?.keys() ?? [])],
    serverAddressByClientCIDRs: [],
  };
}

function groupEntry(group: string, versions: ReadonlyMap<string, unknown>): JsonObject {
  const list = [...versions.keys()].map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

function resourceList(groupVersion: string, members: readonly Discoverable[]): JsonObject {
  const resources = members.flatMap((member) => [
    {
      name: member.plural,
      singularName: member.singular,
      namespaced: member.namespaced,
      kind: member.kind,
      verbs: member.verbs,
      ...(member.shortNames.length === 0 ? {} : { shortNames: member.shortNames }),
      ...(member.categories.length === 0 ? {} : { categories: member.categories }),
    },
    ...member.subresources.map(({ name, verbs }) => ({
      name: `${member.plural}/${name}`,
      singularName: '',
      namespaced: member.namespaced,
      kind: member.kind,
      verbs,
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function aggregate(groups: readonly (readonly [string, ReadonlyMap<string, readonly Discoverable[]>])[]): JsonObject {
  const items = groups.map(([group, versions]) => ({
    metadata: group === '' ? {} : { name: group },
    versions: [...versions].map(([version, members]) => ({
      version,
      freshness: 'Current',
      resources: members.map(aggregatedResource),
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregatedResource(member: Discoverable): JsonObject {
  const responseKind = { group: member.group, version: member.version, kind: member.kind };
  return {
    resource: member.plural,
    responseKind,
    scope: member.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: member.singular,
    verbs: member.verbs,
    ...(member.shortNames.length === 0 ? {} : { shortNames: member.shortNames }),
    ...(member.categories.length === 0 ? {} : { categories: member.categories }),
    ...(member.subresources.length === 0
      ? {}
      : { subresources: member.subresources.map(({ name, verbs }) => ({ subresource: name, responseKind, verbs })) }),
  };
}
