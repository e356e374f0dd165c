// Schema parts that several kinds share. `meta` entries become OpenAPI extensions, which kubectl and the
// server-side patches read.
import * as z from 'zod';

export const conditionSchema = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1024).default(''),
  message: z.string().max(32768).default(''),
  lastTransitionTime: z.iso.datetime({ offset: true }).meta({ format: 'date-time' }),
  observedGeneration: z.int().min(0).optional(),
});

export const conditionsSchema = z.array(conditionSchema).meta({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  'x-kubernetes-patch-strategy': 'merge',
  'x-kubernetes-patch-merge-key': 'type',
});

export const labelSelectorSchema = z
  .object({
    matchLabels: z.record(z.string(), z.string()).optional(),
    matchExpressions: z
      .array(
        z.object({
          key: z.string(),
          operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: z.array(z.string()).optional(),
        }),
      )
      .optional(),
  })
  .describe('A label query (metav1.LabelSelector). An empty selector matches nothing here, as in OpenShift.')
  .meta({ 'x-kubernetes-map-type': 'atomic' });

export type LabelSelector = z.infer<typeof labelSelectorSchema>;

/** Kubernetes' IntOrString: a count, or a percentage such as "10%". */
export const intOrPercentSchema = z
  .union([z.int().min(0), z.string().regex(/^(100|[0-9]{1,2})%$/)])
  .meta({ 'x-kubernetes-int-or-string': true });

/** An object whose fields the server keeps without looking at them. */
export const unknownObjectSchema = z
  .record(z.string(), z.unknown())
  .meta({ 'x-kubernetes-preserve-unknown-fields': true });
