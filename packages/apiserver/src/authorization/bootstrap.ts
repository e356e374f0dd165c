// A host that joins with a bootstrap token: it may ask for its client certificate and read that request.
import type { Store } from '../store/store.ts';
import { bootstrappersGroup } from '../user.ts';
import type { Role } from './authorizer.ts';
import { checkHostRequest, createsRequest, readsOwnRequest } from './certificate-requests.ts';

export function bootstrapRole(store: Store): Role {
  return {
    holds: (user) => user.groups.includes(bootstrappersGroup),
    allows: (user, attributes) =>
      attributes.kind === 'resource' && (createsRequest(attributes) || readsOwnRequest(store, user, attributes)),
    resourceRules: [
      { verbs: ['create', 'get'], apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'] },
    ],
    nonResourceRules: [],
    admission: { create: (_user, definition, object) => checkHostRequest(definition, object) },
  };
}
