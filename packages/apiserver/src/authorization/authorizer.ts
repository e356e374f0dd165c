// Who may do what: the interfaces, and the roles combined into one authorizer.
import type { ResourceDefinition } from '@varve/api';
import type { ApiObject } from '../object.ts';
import type { Attributes, Decision, NonResourceRule, ResourceRule, Rules, User } from '../user.ts';

export interface Authorizer {
  authorize(user: User, attributes: Attributes): Promise<Decision> | Decision;
  /** What `kubectl auth can-i --list` shows. */
  rules(user: User, namespace: string): Rules;
}

/** A second look at a write, with the object at hand. Both throw a StatusError to refuse. */
export interface Admission {
  create?(user: User, definition: ResourceDefinition, object: ApiObject): Promise<void> | void;
  /** Runs inside the transaction; `old` is undefined when a PUT creates the object. */
  update?(user: User, definition: ResourceDefinition, object: ApiObject, old: ApiObject | undefined): void;
  /** Runs inside the transaction, for what clients delete; not for what goes with its owner or namespace. */
  remove?(user: User, definition: ResourceDefinition, old: ApiObject): void;
}

/** What one kind of user may do. */
export interface Role {
  /** True when the role is the user's. */
  holds(user: User): boolean;
  allows(user: User, attributes: Attributes): Promise<boolean> | boolean;
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly NonResourceRule[];
  readonly admission?: Admission;
}

/** Allows what any role of the user allows. */
export function authorizerOf(roles: readonly Role[]): Authorizer {
  return {
    async authorize(user, attributes) {
      for (const role of roles) if (role.holds(user) && (await role.allows(user, attributes))) return { allowed: true };
      return { allowed: false };
    },
    rules(user) {
      const held = roles.filter((role) => role.holds(user));
      return {
        resourceRules: held.flatMap((role) => role.resourceRules),
        nonResourceRules: held.flatMap((role) => role.nonResourceRules),
        incomplete: false,
      };
    },
  };
}

/** Asks the admission of every role that the user holds, and the guards, which are everybody's. */
export function admissionOf(roles: readonly Role[], guards: readonly Admission[] = []): Admission {
  const admissions = (user: User) => [
    ...roles.filter((role) => role.holds(user)).flatMap(({ admission }) => admission ?? []),
    ...guards,
  ];
  return {
    async create(user, definition, object) {
      for (const admission of admissions(user)) await admission.create?.(user, definition, object);
    },
    update(user, definition, object, old) {
      for (const admission of admissions(user)) admission.update?.(user, definition, object, old);
    },
    remove(user, definition, old) {
      for (const admission of admissions(user)) admission.remove?.(user, definition, old);
    },
  };
}
