// What an API server needs to know of a kind to serve it: its names, its schema and how `kubectl get` prints it.
// The embedded API server reads these definitions; on Kubernetes the same definitions become CustomResourceDefinitions.
import type * as z from 'zod';

/** One column of the server-side table (apiextensions.k8s.io/v1 CustomResourceColumnDefinition). */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly description: string;
  /** 0 is always shown, 1 only by `kubectl get -o wide`. */
  readonly priority?: 0 | 1;
  /** Simple JSONPath as CRDs allow it: `.spec.a.b`, `.status.conditions[?(@.type=="Updated")].status`, `.metadata.labels.x`. */
  readonly jsonPath?: string;
  /** For cells that JSONPath cannot express (core kinds). Exactly one of `jsonPath` and `cell` is set. */
  readonly cell?: (object: KubeObject, now: Date) => string | number | boolean | null;
}

/** One violation, as it stands in `Status.details.causes[]`. */
export interface FieldError {
  /** Kubernetes cause reason, such as FieldValueInvalid (apimachinery field.ErrorType). */
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueDuplicate'
    | 'FieldValueTooLong';
  /** JSON path without a leading dot: `spec.config.storage.files[2].path`. */
  readonly field: string;
  /** What is wrong and what is allowed; the field's path is not repeated. */
  readonly message: string;
}

export interface ResourceDefinition<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  /** Schema of the whole object except `metadata`, which every server validates by the same rules. */
  readonly schema: z.ZodType<Omit<T, 'metadata'>>;
  readonly statusSubresource: boolean;
  /** True for kinds that a CustomResourceDefinition would serve: no strategic merge patch, generation, updates need a resourceVersion. */
  readonly custom: boolean;
  /** `memory`: bounded and lost at restart (Events, Leases). */
  readonly storage: 'durable' | 'memory';
  /** Columns after Name; Age is appended by the server when no column has that name. */
  readonly columns: readonly PrinterColumn[];
  /** Field selectors beyond metadata.name and metadata.namespace, such as `spec.unschedulable`. */
  readonly selectableFields: readonly string[];
  /**
   * Rules that a schema cannot express. Pure; called on create and update with defaults applied.
   * Written as a method, so that the definition of one kind can stand in a list of definitions.
   */
  validate?(object: T, old: T | undefined): FieldError[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** metav1.ManagedFieldsEntry: the fields that one manager set, at one subresource, in one way. */
export interface ManagedFieldsEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  time?: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Readonly<Record<string, unknown>>;
  subresource?: string;
}

/** metav1.ObjectMeta, as read from a server; a client that creates an object sets only the first five. */
export interface ObjectMeta {
  name?: string;
  generateName?: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  /** Written by the server. */
  managedFields?: ManagedFieldsEntry[];
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** metav1.Condition; `observedGeneration` is optional. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number | undefined;
}

/** `group/version`, or `v1` for the core group. */
export function apiVersionOf(definition: Pick<ResourceDefinition, 'group' | 'version'>): string {
  return definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
}
