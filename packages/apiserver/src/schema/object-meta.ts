// Structural schema of metav1.ObjectMeta (apimachinery pkg/apis/meta/v1/types.go), the same for every kind.
import type { Schema } from './structural.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const texts = (description: string): Schema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});

const ownerReferenceSchema: Schema = {
  type: 'object',
  description: 'The object that this one depends on: when the owner is deleted, so is this object.',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: { ...text('API version of the owner.'), default: '' },
    kind: { ...text('Kind of the owner.'), default: '' },
    name: { ...text('Name of the owner.'), default: '' },
    uid: { ...text('UID of the owner.'), default: '' },
    controller: { type: 'boolean', description: 'True: the owner is the managing controller.' },
    blockOwnerDeletion: {
      type: 'boolean',
      description: 'True: with foreground deletion the owner waits for this object.',
    },
  },
};

const managedFieldsEntrySchema: Schema = {
  type: 'object',
  description: 'The fields that one manager set, at one subresource, in one way.',
  properties: {
    manager: { type: 'string', maxLength: 128, description: 'Name of the manager.' },
    operation: {
      type: 'string',
      enum: ['Apply', 'Update'],
      description: 'Apply, or Update for every other kind of write.',
    },
    apiVersion: text('Version of the object in which the fields are named.'),
    time: { type: 'string', format: 'date-time', nullable: true, description: 'When the entry last changed.' },
    fieldsType: text('FieldsV1.'),
    fieldsV1: { type: 'object', preserveUnknownFields: true, description: 'The fields, as a tree of path elements.' },
    subresource: {
      type: 'string',
      maxLength: 256,
      description: 'The subresource that was written; empty for the object itself.',
    },
  },
};

export const objectMetaSchema: Schema = {
  type: 'object',
  description: 'Name, labels and other data that every object has.',
  properties: {
    name: text('Unique within the namespace. Cannot be updated.'),
    generateName: text('Prefix for a name that the server makes when name is empty.'),
    namespace: text('The scope of the name. Empty for cluster-scoped objects.'),
    selfLink: text('Ignored.'),
    uid: text('Unique in time and space. Written by the server.'),
    resourceVersion: text(
      'Changes with every write; sent back, it protects against overwriting the change of another.',
    ),
    generation: {
      type: 'integer',
      format: 'int64',
      description: 'Grows when the wanted state changes. Written by the server.',
    },
    creationTimestamp: { type: 'string', format: 'date-time', nullable: true, description: 'Written by the server.' },
    deletionTimestamp: {
      type: 'string',
      format: 'date-time',
      nullable: true,
      description: 'Set while the object waits for its finalizers. Written by the server.',
    },
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64', description: 'Written by the server.' },
    labels: texts('Keys and values to select objects by.'),
    annotations: texts('Keys and values that tools keep with the object.'),
    ownerReferences: {
      type: 'array',
      description: 'The objects that this one depends on.',
      items: ownerReferenceSchema,
      listType: 'map',
      listMapKeys: ['uid'],
      patchStrategy: 'merge',
      patchMergeKey: 'uid',
    },
    finalizers: {
      type: 'array',
      description: 'Must be empty before the object is removed; each name is removed by the one that put it there.',
      items: { type: 'string' },
      listType: 'set',
      patchStrategy: 'merge',
    },
    managedFields: {
      type: 'array',
      description: 'Which fields each manager set. Written by the server; an empty list resets it.',
      items: managedFieldsEntrySchema,
      listType: 'atomic',
    },
  },
};
