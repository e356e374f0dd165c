// Rules for metadata that are the same for every kind (apimachinery pkg/api/validation/objectmeta.go).
import type { ObjectMeta } from '@varve/api';
import type { StatusCause } from '../status.ts';

const maxAnnotationBytes = 262_144;
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelNameRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
export const labelValueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const dnsLabelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const standardFinalizers = ['foregroundDeletion', 'orphan', 'kubernetes'];

const subdomainPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const dnsLabelPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelNamePattern = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const labelValuePattern = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

export interface MetadataRules {
  /** Kubernetes' own kinds are stricter about finalizers and namespaces' names are DNS labels. */
  readonly custom: boolean;
  readonly nameRule: 'subdomain' | 'label';
}

export function validateMetadata(metadata: ObjectMeta, rules: MetadataRules): StatusCause[] {
  return [
    ...validateName(metadata.name ?? '', rules),
    ...validateLabels(metadata.labels ?? {}),
    ...validateAnnotations(metadata.annotations ?? {}),
    ...validateFinalizers(metadata.finalizers ?? [], rules),
    ...validateOwners(metadata),
  ];
}

function validateName(name: string, rules: MetadataRules): StatusCause[] {
  const field = 'metadata.name';
  const limit = rules.nameRule === 'label' ? 63 : 253;
  if (name.length > limit) return [bad(field, name, `must be no more than ${limit} characters`)];
  if (rules.nameRule === 'label' && name.includes('.')) return [bad(field, name, 'must not contain dots')];
  const fits = rules.nameRule === 'label' ? dnsLabelPattern.test(name) : subdomainPattern.test(name);
  return fits ? [] : [bad(field, name, rules.nameRule === 'label' ? dnsLabelRule : subdomainRule)];
}

function validateLabels(labels: Readonly<Record<string, string>>): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const keyProblem = qualifiedNameProblem(key);
    if (keyProblem !== undefined) causes.push(bad('metadata.labels', key, keyProblem));
    if (value.length > 63) causes.push(bad('metadata.labels', value, 'must be no more than 63 bytes'));
    else if (!labelValuePattern.test(value)) causes.push(bad('metadata.labels', value, labelValueRule));
  }
  return causes;
}

function validateAnnotations(annotations: Readonly<Record<string, string>>): StatusCause[] {
  const causes: StatusCause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem !== undefined) causes.push(bad('metadata.annotations', key, problem));
  }
  if (size > maxAnnotationBytes) {
    const message = `Too long: may not be more than ${maxAnnotationBytes} bytes`;
    causes.push({ reason: 'FieldValueTooLong', field: 'metadata.annotations', message });
  }
  return causes;
}

/** What is wrong with a label key or qualified name, or undefined. */
export function qualifiedNameProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix === '') return 'prefix part must be non-empty';
  if (prefix !== undefined && (prefix.length > 253 || !subdomainPattern.test(prefix)))
    return `prefix part ${subdomainRule}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  return labelNamePattern.test(name) ? undefined : labelNameRule;
}

/** True for a valid label value. */
export function isLabelValue(value: string): boolean {
  return value.length <= 63 && labelValuePattern.test(value);
}

function validateFinalizers(finalizers: readonly string[], rules: MetadataRules): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const [index, finalizer] of finalizers.entries()) {
    const problem = qualifiedNameProblem(finalizer);
    if (problem !== undefined) causes.push(bad(`metadata.finalizers[${index}]`, finalizer, problem));
    else if (!rules.custom && !finalizer.includes('/') && !standardFinalizers.includes(finalizer)) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      causes.push(bad(`metadata.finalizers[${index}]`, finalizer, why));
    }
  }
  if (finalizers.includes('foregroundDeletion') && finalizers.includes('orphan')) {
    const why = 'finalizer orphan and foregroundDeletion cannot be both set';
    causes.push(bad('metadata.finalizers', 'orphan', why));
  }
  return causes;
}

/** What is said about new finalizers that anybody else could have chosen, too; only custom kinds allow them. */
export function finalizerWarnings(finalizers: readonly string[], before: readonly string[]): string[] {
  const risky = finalizers.filter(
    (name) => !name.includes('/') && !standardFinalizers.includes(name) && !before.includes(name),
  );
  const advice = 'prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers';
  return risky.map((name) => `metadata.finalizers: ${JSON.stringify(name)}: ${advice}`);
}

function validateOwners(metadata: ObjectMeta): StatusCause[] {
  const causes: StatusCause[] = [];
  let controllers = 0;
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    const field = `metadata.ownerReferences[${index}]`;
    for (const key of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[key] === '') causes.push(bad(`metadata.ownerReferences.${key}`, '', 'must not be empty'));
    }
    if (owner.kind === 'Event') causes.push(bad(field, 'v1, Kind=Event', 'disallowed from being an owner'));
    if (owner.controller === true) controllers++;
  }
  if (controllers > 1) {
    const why = 'Only one reference can have Controller set to true';
    causes.push(bad('metadata.ownerReferences', controllers, why));
  }
  return causes;
}

function bad(field: string, value: unknown, why: string): StatusCause {
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}
