// The administrator: everything (group system:masters).
import { mastersGroup } from '../user.ts';
import type { Role } from './authorizer.ts';

export const adminRole: Role = {
  holds: (user) => user.groups.includes(mastersGroup),
  allows: () => true,
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
