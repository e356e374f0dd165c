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
    apiVersion: text('API version of the owner.'),
    kind: text('Kind of the owner.'),
    name: text('Name of the owner.'),
    uid: text('UID of the owner.'),
    controller: { type: 'boolean', description: 'True: the owner is the managing controller.' },
    blockOwnerDeletion: {
      type: 'boolean',
      description: 'True: with foreground deletion the owner waits for this object.',
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
      description: 'Not kept by this server.',
      items: { type: 'object', preserveUnknownFields: true },
      listType: 'atomic',
    },
  },
};
