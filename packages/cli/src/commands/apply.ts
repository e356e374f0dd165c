// varve apply: what kubectl apply does, for a machine that has no kubectl.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { apiVersionOf, type KubeObject, type ResourceDefinition, resources } from '@varve/api';
import { collectionPath, isKubeError, type KubeClient, objectPath } from '@varve/kube';
import { type Document, parseAllDocuments } from 'yaml';
import { CliError } from '../error.ts';
import { lastAppliedAnnotation, threeWayMergePatch } from '../three-way-merge.ts';

export interface ApplyResult {
  readonly kind: string;
  readonly name: string;
  readonly outcome: 'created' | 'configured' | 'unchanged';
}

export interface ApplyOptions {
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** Objects of every manifest in `paths`: files, directories of .yaml, .yml and .json, or `-` for standard input. */
export async function readManifests(paths: readonly string[]): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const path of paths) {
    for (const file of await filesIn(path)) objects.push(...parseManifest(file, await readInput(file)));
  }
  return objects;
}

async function readInput(path: string): Promise<string> {
  return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
}

async function filesIn(path: string): Promise<string[]> {
  if (path === '-') return [path];
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
    return names.map((name) => join(path, name));
  } catch (cause) {
    throw new CliError('MANIFEST_UNREADABLE', `${path} cannot be read; check the path given to -f`, { cause });
  }
}

/** YAML 1.1, as kubectl reads it: `mode: 0644` is octal there. */
export function parseManifest(path: string, content: string): KubeObject[] {
  const objects: KubeObject[] = [];
  for (const document of parseAllDocuments(content, { version: '1.1' })) {
    const [error] = document.errors;
    if (error !== undefined) throw new CliError('MANIFEST_UNREADABLE', `${path} is not YAML or JSON: ${error.message}`);
    const value = toValue(path, document);
    if (value === null || value === undefined) continue;
    objects.push(...(isList(value) ? value.items : [value]).map((item) => asObject(path, item)));
  }
  return objects;
}

function toValue(path: string, document: Document): unknown {
  try {
    // Bounds what aliases expand to: a small file must not fill the memory.
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new CliError('MANIFEST_UNREADABLE', `${path} uses more YAML aliases than a manifest may`, { cause });
  }
}

function isList(value: unknown): value is { items: unknown[] } {
  return typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items);
}

function asObject(path: string, value: unknown): KubeObject {
  const { apiVersion, kind, metadata } = { ...(value as Partial<KubeObject>) };
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof metadata?.name !== 'string') {
    throw new CliError('MANIFEST_UNREADABLE', `${path} holds an object without apiVersion, kind or metadata.name`);
  }
  return { ...(value as KubeObject), apiVersion, kind, metadata };
}

function definitionOf(object: KubeObject): ResourceDefinition {
  const found = resources.find(
    (definition) => definition.kind === object.kind && apiVersionOf(definition) === object.apiVersion,
  );
  if (found !== undefined) return found;
  const known = resources.map((definition) => `${definition.kind} (${apiVersionOf(definition)})`).join(', ');
  throw new CliError('KIND_UNKNOWN', `${object.kind} (${object.apiVersion}) is no kind of Varve's; known: ${known}`);
}

/** Creates or patches one object. Errors are the API server's. */
export async function applyObject(client: KubeClient, object: KubeObject, options: ApplyOptions): Promise<ApplyResult> {
  const definition = definitionOf(object);
  const { signal } = options;
  const name = object.metadata.name ?? '';
  const namespace = definition.scope === 'Namespaced' ? (object.metadata.namespace ?? 'default') : undefined;
  const query = `?fieldManager=varve&fieldValidation=Strict${options.dryRun ? '&dryRun=All' : ''}`;
  const manifest = withoutAnnotation(object);
  const desired = withAnnotation(manifest);
  const result = (outcome: ApplyResult['outcome']): ApplyResult => ({ kind: definition.kind, name, outcome });
  let live: KubeObject;
  try {
    live = await client.get(definition, name, { namespace, signal });
  } catch (error) {
    if (!isKubeError(error, 'NOT_FOUND')) throw error;
    const path = `${collectionPath(definition, namespace)}${query}`;
    await client.raw(path, { method: 'POST', body: desired, signal });
    return result('created');
  }
  const patch = threeWayMergePatch(lastApplied(live), { ...manifest }, { ...live });
  if (Object.keys(patch).length === 0) return result('unchanged');
  const metadata = { ...(patch.metadata as object | undefined), annotations: desired.metadata.annotations };
  await client.raw(`${objectPath(definition, name, namespace)}${query}`, {
    method: 'PATCH',
    body: { ...patch, metadata },
    contentType: 'application/merge-patch+json',
    signal,
  });
  return result('configured');
}

/** What an earlier apply said; undefined when there was none, or somebody broke the annotation. */
function lastApplied(live: KubeObject): unknown {
  try {
    return JSON.parse(live.metadata.annotations?.[lastAppliedAnnotation] ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

function withoutAnnotation(object: KubeObject): KubeObject {
  const { [lastAppliedAnnotation]: _dropped, ...annotations } = object.metadata.annotations ?? {};
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function withAnnotation(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations, [lastAppliedAnnotation]: `${JSON.stringify(object)}\n` };
  return { ...object, metadata: { ...object.metadata, annotations } };
}
