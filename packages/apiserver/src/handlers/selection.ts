// Which objects of a resource a list, watch or deletecollection is about.
import type { RequestContext } from '../context.ts';
import type { ApiObject } from '../object.ts';
import { type FieldSelector, matchesFields, parseFieldSelector, requiredField } from '../selector/field.ts';
import { type LabelSelector, matchesLabels, parseLabelSelector } from '../selector/label.ts';

export interface Selection {
  readonly labels: LabelSelector;
  readonly fields: FieldSelector;
  /** The only namespace, or undefined for all. */
  readonly namespace: string | undefined;
  /** The only name, when the URL or the field selector demands one. */
  readonly name: string | undefined;
}

/** Throws 400 for selectors that cannot be read. */
export function parseSelection({ resource, info, query }: RequestContext): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(
    query.get('fieldSelector') ?? '',
    resource.selectableFields,
    resource.definition.custom,
  );
  const requested = info.namespace === '' ? undefined : info.namespace;
  const named = info.name === '' ? undefined : info.name;
  return {
    labels,
    fields,
    namespace: resource.namespaced ? (requested ?? requiredField(fields, 'metadata.namespace')) : '',
    name: named ?? requiredField(fields, 'metadata.name'),
  };
}

export function isSelective(selection: Selection): boolean {
  return selection.labels.length > 0 || selection.fields.length > 0;
}

export function selects(selection: Selection, object: ApiObject): boolean {
  return (
    (selection.name === undefined || object.metadata.name === selection.name) &&
    matchesLabels(selection.labels, object.metadata.labels ?? {}) &&
    matchesFields(selection.fields, object)
  );
}
