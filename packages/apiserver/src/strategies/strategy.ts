// What differs between kinds when they are written: which fields the server fills, and who may write without a
// resourceVersion. Everything that a schema can say stands in the ResourceDefinition instead.
import type { ApiObject, JsonObject } from '../object.ts';
import type { User } from '../user.ts';

export interface WriteContext {
  readonly user: User;
  readonly now: Date;
}

export interface Strategy {
  /** True: a PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  /** True: a PUT of an absent object creates it. */
  readonly createOnUpdate: boolean;
  /** True: POST keeps a status that was sent. */
  readonly keepsStatusOnCreate: boolean;
  readonly nameRule: 'subdomain' | 'label';
  /** Takes fields that can only be written into those that are stored; called on whatever a client sends. */
  fold?(object: JsonObject): JsonObject;
  /** Fills what every object of the kind has, like a default; it belongs to the one who writes. */
  fill?(object: ApiObject): ApiObject;
  /** Returns the object to create; called before defaults and validation. */
  prepareCreate?(object: ApiObject, context: WriteContext): ApiObject;
  /** Returns the object to store for an update of the main resource. */
  prepareUpdate?(object: ApiObject, old: ApiObject): ApiObject;
  /** Subresources besides `status`. */
  readonly subresources?: Readonly<Record<string, Subresource>>;
}

export interface Subresource {
  readonly verbs: readonly string[];
  /** What a write makes of the old object. */
  write(object: ApiObject, old: ApiObject, context: WriteContext): ApiObject;
}

export const customStrategy: Strategy = {
  unconditionalUpdate: false,
  createOnUpdate: false,
  keepsStatusOnCreate: false,
  nameRule: 'subdomain',
};

export const coreStrategy: Strategy = { ...customStrategy, unconditionalUpdate: true };
