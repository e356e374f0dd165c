export * from './canonical-json.ts';
export * from './configuration-keys.ts';
export * from './core/certificate-signing-request.ts';
export * from './core/config-map.ts';
export { humanDuration } from './core/duration.ts';
export * from './core/event.ts';
export * from './core/lease.ts';
export * from './core/namespace.ts';
export * from './core/node.ts';
export * from './core/pod.ts';
export * from './core/pod-disruption-budget.ts';
export * from './core/read.ts';
export * from './core/secret.ts';
export { type CustomResourceDefinition, customResourceDefinition, partOfLabel } from './crd/definition.ts';
export * from './diff.ts';
export {
  type Action,
  actionSchema,
  decideActions,
  decideFromFingerprint,
  describeAction,
  isLive,
  needsDrain,
  rulesInForce,
} from './disruption.ts';
export { type DisruptionPolicy, disruptionPolicySchema } from './disruption-policy.ts';
export * from './drain-policy.ts';
export { keyIdOf } from './dsse.ts';
export * from './error.ts';
export { type ConfigFingerprint, configFingerprintSchema, fingerprintConfig } from './fingerprint.ts';
export * from './health-checks.ts';
export { type ContentsSource, finishContents, readContents } from './ignition/contents.ts';
export { pathProblem } from './ignition/path.ts';
export type {
  IgnitionConfig,
  IgnitionContents,
  IgnitionDirectory,
  IgnitionDropin,
  IgnitionFile,
  IgnitionLink,
  IgnitionUnit,
  IgnitionUser,
} from './ignition/schema.ts';
export { signaturePolicyOf, signaturePolicyPath, textOfFile, withImagePolicies } from './image-policy/render.ts';
export * from './kernel-argument.ts';
export * from './kinds/cluster-image-policy.ts';
export * from './kinds/machine-config.ts';
export * from './kinds/machine-config-node.ts';
export * from './kinds/machine-config-pool.ts';
export * from './kinds/machine-configuration.ts';
export { extensionsImageOf, type KernelType, kernelTypeOf } from './layering.ts';
export { type MachineConfigSpec, machineConfigSpecSchema } from './machine-config-spec.ts';
export * from './merge.ts';
export * from './resource.ts';
export { resources } from './resources.ts';
export * from './schema.ts';
export * from './signed-target.ts';
export { type StructuralSchema, structuralSchema, type ValidationRule } from './structural-schema.ts';
export { isRendered, maxConfigBytes, renderedNamePattern, validateMachineConfig } from './validate.ts';
