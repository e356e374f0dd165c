// Label selectors on plain objects. As in OpenShift's pools, an absent or empty selector matches nothing.
import type { LabelSelector } from './schema.ts';

export function matchesSelector(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const exact = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (exact.length === 0 && expressions.length === 0) return false;
  for (const [key, value] of exact) {
    if (!Object.hasOwn(labels, key) || labels[key] !== value) return false;
  }
  for (const { key, operator, values = [] } of expressions) {
    const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (!matchesExpression(operator, label, values)) return false;
  }
  return true;
}

/** labels.Requirement.Matches of k8s.io/apimachinery: NotIn is also true of an absent label. */
function matchesExpression(
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
  label: string | undefined,
  values: readonly string[],
): boolean {
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
  }
}
