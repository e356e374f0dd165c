export type { Signer } from './enroll/controller.ts';
export { nodeLabelsAnnotation } from './enroll/node-labels.ts';
export { ControllerError, type ControllerErrorCode, controllerErrorCodes } from './error.ts';
export { membershipOf } from './node/membership.ts';
export { createImageResolver, type ResolveImage } from './render/resolve-image.ts';
export type { Member, Standing, Target } from './rollout/member.ts';
export { planRollout, type RolloutPlan, type RolloutStep } from './rollout/plan.ts';
export { type ControllersOptions, startControllers } from './start.ts';
export { type Explanation, explainNode, type WhyInput } from './why/explain.ts';
