// Who asks, and what they ask for: the words that authentication, authorization and audit share.

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ResourceAttributes {
  readonly kind: 'resource';
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** For lists and watches: the name that the field selector demands, else ''. */
  readonly name: string;
}

export interface PathAttributes {
  readonly kind: 'path';
  /** Lower-case method. */
  readonly verb: string;
  readonly path: string;
}

export type Attributes = ResourceAttributes | PathAttributes;

export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string;
}

/** A rule as `kubectl auth can-i --list` shows it. */
export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface NonResourceRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}

export interface Rules {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
  /** True when the user may do more than the rules say. */
  readonly incomplete: boolean;
}

export const authenticatedGroup = 'system:authenticated';
export const unauthenticatedGroup = 'system:unauthenticated';
export const mastersGroup = 'system:masters';
export const nodesGroup = 'system:nodes';
export const bootstrappersGroup = 'system:bootstrappers';
export const nodeUserPrefix = 'system:node:';

export const anonymous: User = { name: 'system:anonymous', groups: [unauthenticatedGroup] };
