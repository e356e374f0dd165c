// Event (core/v1): something that happened to an object, for people. Kept in memory only.
import * as z from 'zod';
import type { FieldError, KubeObject, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { humanDuration } from './duration.ts';
import { textAt, valueAt } from './read.ts';
import { microTimeSchema, timeSchema } from './time.ts';

const referenceSchema = z
  .object({
    kind: z.string().optional(),
    namespace: z.string().optional(),
    name: z.string().optional(),
    uid: z.string().optional(),
    apiVersion: z.string().optional(),
    resourceVersion: z.string().optional(),
    fieldPath: z.string().optional(),
  })
  .describe('An object by kind, namespace and name.')
  .meta({ 'x-kubernetes-map-type': 'atomic' });

const eventSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  involvedObject: referenceSchema.describe('The object that the event is about.'),
  reason: z.string().optional().describe('Why, as one CamelCase word.'),
  message: z.string().optional().describe('What happened, for people.'),
  source: z.object({ component: z.string().optional(), host: z.string().optional() }).optional(),
  firstTimestamp: timeSchema.nullable().optional(),
  lastTimestamp: timeSchema.nullable().optional(),
  count: z.int().optional().describe('How often it happened.'),
  type: z.string().optional().describe('Normal or Warning.'),
  eventTime: microTimeSchema.nullable().optional(),
  series: z.object({ count: z.int().optional(), lastObservedTime: microTimeSchema.nullable().optional() }).optional(),
  action: z.string().optional(),
  related: referenceSchema.optional(),
  reportingComponent: z.string().optional(),
  reportingInstance: z.string().optional(),
});

/** Named so because `Event` is a global of the language's libraries. */
export interface CoreEvent extends z.infer<typeof eventSchema> {
  metadata: ObjectMeta;
}

function lastSeen(event: KubeObject): string {
  return textAt(event, 'series', 'lastObservedTime') || textAt(event, 'lastTimestamp') || firstSeen(event);
}

function firstSeen(event: KubeObject): string {
  return textAt(event, 'firstTimestamp') || textAt(event, 'eventTime');
}

function age(time: string, now: Date): string {
  const then = Date.parse(time);
  return Number.isNaN(then) ? '<unknown>' : humanDuration((now.getTime() - then) / 1000);
}

function count(event: KubeObject): number {
  const value = valueAt(event, 'series', 'count') ?? valueAt(event, 'count');
  return typeof value === 'number' && value > 0 ? value : 1;
}

function objectCell(event: KubeObject): string {
  const kind = textAt(event, 'involvedObject', 'kind').toLowerCase();
  const name = textAt(event, 'involvedObject', 'name');
  return kind === '' || name === '' ? `${kind}${name}` : `${kind}/${name}`;
}

function sourceCell(event: KubeObject): string {
  const component = textAt(event, 'source', 'component') || textAt(event, 'reportingComponent');
  const host = textAt(event, 'source', 'host') || textAt(event, 'reportingInstance');
  return host === '' ? component : `${component}, ${host}`;
}

/** An event of a cluster-scoped object lives in `default` (kubernetes/pkg/apis/core/validation/events.go). */
function validateEvent(event: CoreEvent): FieldError[] {
  const about = event.involvedObject.namespace ?? '';
  const namespace = event.metadata.namespace ?? '';
  if (about === namespace || (about === '' && namespace === 'default')) return [];
  return [
    {
      reason: 'FieldValueInvalid',
      field: 'involvedObject.namespace',
      message: `Invalid value: ${JSON.stringify(about)}: does not match event.namespace`,
    },
  ];
}

export const eventResource: ResourceDefinition<CoreEvent> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  categories: [],
  scope: 'Namespaced',
  schema: eventSchema.describe('A report of something that happened to an object. Events are kept for a limited time.'),
  statusSubresource: false,
  custom: false,
  storage: 'memory',
  columns: [
    {
      name: 'Last Seen',
      type: 'string',
      description: 'Time since it last happened',
      cell: (event, now) => age(lastSeen(event), now),
    },
    { name: 'Type', type: 'string', description: 'Normal or Warning', cell: (event) => textAt(event, 'type') },
    { name: 'Reason', type: 'string', description: 'Why, as one word', cell: (event) => textAt(event, 'reason') },
    { name: 'Object', type: 'string', description: 'What it happened to', cell: objectCell },
    {
      name: 'Subobject',
      type: 'string',
      description: 'Part of the object',
      priority: 1,
      cell: (event) => textAt(event, 'involvedObject', 'fieldPath'),
    },
    { name: 'Source', type: 'string', description: 'Who reports it', priority: 1, cell: sourceCell },
    { name: 'Message', type: 'string', description: 'What happened', cell: (event) => textAt(event, 'message').trim() },
    {
      name: 'First Seen',
      type: 'string',
      description: 'Time since it first happened',
      priority: 1,
      cell: (event, now) => age(firstSeen(event), now),
    },
    { name: 'Count', type: 'string', description: 'How often', priority: 1, cell: count },
    {
      name: 'Name',
      type: 'string',
      description: 'Name of the event',
      priority: 1,
      cell: (event) => event.metadata.name ?? '',
    },
  ],
  selectableFields: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  validate: validateEvent,
};
