// Answers in the form that the client asked for: whole objects, Tables or metadata only; JSON or YAML.
import type { Answer, RequestContext } from './context.ts';
import { negotiate, type Representation } from './http/negotiate.ts';
import { encodeJson, type JsonObject } from './object.ts';
import { badRequest } from './status.ts';
import type { Stored } from './store/change.ts';
import { type IncludeObject, partialMetadata, tableOf } from './table/table.ts';

export function answerObject(context: RequestContext, stored: Stored, code = 200): Answer {
  const representation = negotiate(context.accept, false);
  return { code, format: representation.format, body: [objectBytes(context, representation, stored)] };
}

function objectBytes(context: RequestContext, representation: Representation, stored: Stored): Uint8Array {
  if (representation.transform === 'none') return stored.bytes;
  const { resourceVersion } = stored.object.metadata;
  return encodeJson(transformed(context, representation, stored, { resourceVersion }, true));
}

/** One object as it stands in a watch event. */
export function eventObjectText(
  context: RequestContext,
  representation: Representation,
  stored: Stored,
  first: boolean,
): string {
  if (representation.transform === 'none') return stored.text;
  const { resourceVersion } = stored.object.metadata;
  return JSON.stringify(transformed(context, representation, stored, { resourceVersion }, first));
}

function transformed(
  context: RequestContext,
  { transform, version }: Representation,
  stored: Stored,
  metadata: JsonObject,
  withDefinitions: boolean,
): JsonObject {
  if (transform !== 'Table') return partialMetadata(stored.object, version);
  const include = includeObject(context.query);
  return tableOf(context.resource.layout, [stored.object], {
    version,
    include,
    metadata,
    now: context.now,
    withDefinitions,
  });
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function answerList(context: RequestContext, items: readonly Stored[], metadata: ListMetadata): Answer {
  const representation = negotiate(context.accept, true);
  return { code: 200, format: representation.format, body: listParts(context, representation, items, metadata) };
}

function listParts(
  context: RequestContext,
  { transform, version }: Representation,
  items: readonly Stored[],
  metadata: ListMetadata,
): Uint8Array[] {
  const { apiVersion, definition, layout } = context.resource;
  if (transform === 'none') {
    const head = encodeJson({ kind: `${definition.kind}List`, apiVersion, metadata });
    return [head.subarray(0, -1), Buffer.from(',"items":['), ...itemParts(context, items), Buffer.from(']}')];
  }
  const objects = items.map((item) => item.object);
  if (transform === 'Table') {
    const include = includeObject(context.query);
    const options = { version, include, metadata: { ...metadata }, now: context.now, withDefinitions: true };
    return [encodeJson(tableOf(layout, objects, options))];
  }
  const apiGroup = `meta.k8s.io/${version}`;
  const partial = objects.map((object) => partialMetadata(object, version));
  return [encodeJson({ kind: 'PartialObjectMetadataList', apiVersion: apiGroup, metadata, items: partial })];
}

/** In lists of built-in kinds the items do not say what they are; clients that relied on it would fail on a cluster. */
function* itemParts({ resource }: RequestContext, items: readonly Stored[]): Generator<Uint8Array> {
  const { apiVersion, definition } = resource;
  const type = encodeJson({ apiVersion, kind: definition.kind }).subarray(0, -1);
  const comma = Buffer.from(',');
  const brace = Buffer.from('{');
  for (const [index, { bytes }] of items.entries()) {
    if (index > 0) yield comma;
    const saysType =
      !definition.custom && type.equals(bytes.subarray(0, type.length)) && bytes[type.length] === comma[0];
    if (saysType) yield* [brace, bytes.subarray(type.length + 1)];
    else yield bytes;
  }
}

function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '') return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  const problem = `Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: includeObject: ${problem}`);
}
