// Rules of a MachineConfig that its schema cannot express. The API server calls this on every write, and the render
// controller again before it merges: on Kubernetes nothing else has looked at the object.
import { canonicalJson } from './canonical-json.ts';
import { ignitionProblems } from './ignition/check.ts';
import { isImageReference } from './image-reference.ts';
import { kernelArgumentProblem } from './kernel-argument.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import type { FieldError, ObjectMeta } from './resource.ts';

/** Largest MachineConfig in bytes of JSON: what etcd accepts in one request (etcd --max-request-bytes, 1.5 MiB). */
export const maxConfigBytes = 1_572_864;

interface Validated {
  readonly metadata: ObjectMeta;
  readonly spec: MachineConfigSpec;
}

/** Every violation in a MachineConfig, with its field; empty when it can be rendered. */
export function validateMachineConfig(object: Validated, old: Validated | undefined): FieldError[] {
  const errors = validateMachineConfigSpec(object.spec);
  if (old && neverChanges(old) && canonicalJson(old.spec) !== canonicalJson(object.spec)) {
    errors.push({
      reason: 'FieldValueForbidden',
      field: 'spec',
      message: 'a rendered config never changes; change the MachineConfigs that it was merged from',
    });
  }
  return errors;
}

/** Names that `renderMachineConfig` gives. */
export const renderedNamePattern = '^rendered-.+-[0-9a-f]{32}$';

/** Also once it has lost its owner: whoever takes that away must not become able to change what hosts run. */
function neverChanges(config: Validated): boolean {
  return isRendered(config) || new RegExp(renderedNamePattern).test(config.metadata.name ?? '');
}

/** A rendered config belongs to the pool that it was merged for. */
export function isRendered(object: { readonly metadata: ObjectMeta }): boolean {
  return object.metadata.ownerReferences?.some((owner) => owner.kind === 'MachineConfigPool') ?? false;
}

function validateMachineConfigSpec(spec: MachineConfigSpec): FieldError[] {
  const errors = [...imageErrors(spec), ...kernelArgumentErrors(spec.kernelArguments ?? [])];
  if (spec.config !== undefined) errors.push(...ignitionProblems(spec.config, 'spec.config'));
  const size = Buffer.byteLength(JSON.stringify(spec));
  if (size > maxConfigBytes) {
    errors.push({
      reason: 'FieldValueTooLong',
      field: 'spec',
      message: `is ${size} bytes of JSON; at most ${maxConfigBytes} are allowed: put large files into the image`,
    });
  }
  return errors;
}

function imageErrors(spec: MachineConfigSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['osImageURL', 'baseOSExtensionsContainerImage'] as const) {
    const reference = spec[field];
    if (reference !== undefined && reference !== '' && !isImageReference(reference)) {
      errors.push({
        reason: 'FieldValueInvalid',
        field: `spec.${field}`,
        message: `"${reference.slice(0, 200)}" is no image reference; write REGISTRY/REPOSITORY@sha256:DIGEST or REGISTRY/REPOSITORY:TAG`,
      });
    }
  }
  return errors;
}

function kernelArgumentErrors(kernelArguments: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, argument] of kernelArguments.entries()) {
    const problem = kernelArgumentProblem(argument);
    if (problem)
      errors.push({ reason: 'FieldValueInvalid', field: `spec.kernelArguments[${index}]`, message: problem });
  }
  return errors;
}
