// The same writes give the same managed fields as upstream. The answers in upstream.fixture.jsonl are recorded: random
// writes of several managers to objects of our kinds, given to the field manager of k8s.io/apimachinery v0.36.1
// (pkg/util/managedfields, NewDefaultCRDFieldManager) with our own OpenAPI documents as its schema. One history a line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resources } from '@varve/api';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { type ApiObject, isApiObject } from '../object.ts';
import { Resources, type ServedResource } from '../resources.ts';
import { StatusError } from '../status.ts';
import { apply } from './apply.ts';
import { trackUpdate } from './track.ts';

const stepSchema = z.object({
  op: z.enum(['apply', 'update']),
  manager: z.string(),
  force: z.boolean().default(false),
  object: z.custom<ApiObject>(isApiObject),
  /** `<field> <message>` of each cause, when upstream refused. */
  conflicts: z.array(z.string()).optional(),
  result: z.unknown().optional(),
  /** Without versions; `timed` tells whether the entry has a time. */
  managers: z.array(z.record(z.string(), z.unknown())).optional(),
});
const historySchema = z.object({
  group: z.string(),
  version: z.string(),
  plural: z.string(),
  steps: z.array(stepSchema),
});
type Step = z.infer<typeof stepSchema>;

const served = new Resources(resources);
const text = readFileSync(join(import.meta.dirname, 'upstream.fixture.jsonl'), 'utf8');
const histories = text
  .trim()
  .split('\n')
  .map((line) => historySchema.parse(JSON.parse(line)));

/** As upstream's was recorded: without the rules of any endpoint. */
function plain(group: string, version: string, plural: string): ServedResource {
  const resource = served.find(group, version, plural);
  if (resource === undefined) throw new Error(`${plural} are not served`);
  return { ...resource, id: 'recorded', definition: { ...resource.definition, statusSubresource: false } };
}

function written(live: ApiObject | undefined, step: Step, resource: ServedResource): ApiObject {
  const writer = { manager: step.manager, subresource: '', now: new Date() };
  const { object, managedFields } =
    step.op === 'apply'
      ? apply(live, { config: step.object, writer, force: step.force }, resource)
      : { object: step.object, managedFields: trackUpdate(live, step.object, undefined, resource, writer) };
  const result = { ...object, metadata: { ...Object.assign({}, object.metadata), managedFields } };
  if (!isApiObject(result)) throw new Error('not an object');
  return result;
}

function conflictsOf(error: unknown): string[] {
  if (!(error instanceof StatusError) || error.code !== 409) throw error;
  return (error.status.details?.causes ?? []).map(({ field, message }) => `${field} ${message}`).sort();
}

function managersOf(object: ApiObject): unknown[] {
  return (object.metadata.managedFields ?? []).map(({ time, apiVersion: _a, fieldsType: _f, ...entry }) => ({
    ...entry,
    timed: time !== undefined,
  }));
}

/** The annotation of client-side apply is JSON, which may be written in several ways. */
function contentOf(object: unknown): unknown {
  const text = JSON.stringify(object, (key, value: unknown) => (key === 'managedFields' ? undefined : value));
  const content: unknown = JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith('{') ? JSON.parse(value) : value,
  );
  return content;
}

const byName = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

test.each(histories.map((history, index) => [index, history.plural, history] as const))(
  'history %i, of %s',
  (_index, _plural, { group, version, plural, steps }) => {
    const resource = plain(group, version, plural);
    let live: ApiObject | undefined;
    for (const step of steps) {
      try {
        live = written(live, step, resource);
      } catch (error) {
        expect(conflictsOf(error)).toEqual(step.conflicts);
        continue;
      }
      expect(step.conflicts).toBeUndefined();
      expect(contentOf(live)).toEqual(contentOf(step.result));
      expect(managersOf(live).sort(byName)).toEqual((step.managers ?? []).map(sorted).sort(byName));
    }
  },
);

function sorted({ manager, operation, fieldsV1, timed }: Record<string, unknown>): unknown {
  return { manager, operation, fieldsV1, timed };
}
