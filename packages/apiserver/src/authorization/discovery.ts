// What everyone may do: anonymous users see health and version; authenticated ones also discovery, and may ask about
// themselves (kubernetes default RBAC roles system:discovery, system:basic-user, system:public-info-viewer).
import { authenticatedGroup } from '../user.ts';
import type { Role } from './authorizer.ts';

const publicPaths = ['/healthz', '/livez', '/readyz', '/version'];
const discoveryPaths = ['/api', '/apis', '/openapi'];
const selfReviews: Readonly<Record<string, readonly string[]>> = {
  'authorization.k8s.io': ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  'authentication.k8s.io': ['selfsubjectreviews'],
};

export const publicRole: Role = {
  holds: () => true,
  allows: (_user, attributes) =>
    attributes.kind === 'path' && isRead(attributes.verb) && isBelow(attributes.path, publicPaths),
  resourceRules: [],
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs: publicPaths.flatMap((path) => [path, `${path}/*`]) }],
};

export const basicRole: Role = {
  holds: (user) => user.groups.includes(authenticatedGroup),
  allows: (_user, attributes) => {
    if (attributes.kind === 'path') {
      return isRead(attributes.verb) && (attributes.path === '/' || isBelow(attributes.path, discoveryPaths));
    }
    return attributes.verb === 'create' && (selfReviews[attributes.group] ?? []).includes(attributes.resource);
  },
  resourceRules: Object.entries(selfReviews).map(([group, resources]) => ({
    verbs: ['create'],
    apiGroups: [group],
    resources,
  })),
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs: discoveryPaths.flatMap((path) => [path, `${path}/*`]) }],
};

function isRead(verb: string): boolean {
  return verb === 'get' || verb === 'head';
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}/`));
}
