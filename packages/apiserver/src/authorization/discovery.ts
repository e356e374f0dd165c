// What everyone may do: anonymous users see health and version; authenticated ones also discovery, and may ask about
// themselves and read what is published for them (kubernetes default RBAC roles system:discovery, system:basic-user, system:public-info-viewer).
import { authenticatedGroup, type ResourceAttributes } from '../user.ts';
import type { Role } from './authorizer.ts';

const publicPaths = ['/healthz', '/livez', '/readyz', '/version'];
const metricsPath = '/metrics';
const discoveryPaths = ['/api', '/apis', '/openapi'];
const selfReviews: ReadonlyMap<string, readonly string[]> = new Map([
  ['authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']],
  ['authentication.k8s.io', ['selfsubjectreviews']],
]);

export const publicRole: Role = {
  holds: () => true,
  allows: (_user, attributes) =>
    attributes.kind === 'path' && isRead(attributes.verb) && isBelow(attributes.path, publicPaths),
  resourceRules: [],
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs: publicPaths.flatMap((path) => [path, `${path}/*`]) }],
};

/** Prometheus: group system:monitoring (kubernetes default RBAC role system:monitoring). */
export const monitoringRole: Role = {
  holds: (user) => user.groups.includes('system:monitoring'),
  allows: (_user, attributes) =>
    attributes.kind === 'path' && isRead(attributes.verb) && attributes.path === metricsPath,
  resourceRules: [],
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs: [metricsPath] }],
};

export const basicRole: Role = {
  holds: (user) => user.groups.includes(authenticatedGroup),
  allows: (_user, attributes) => {
    if (attributes.kind === 'path') {
      return isRead(attributes.verb) && (attributes.path === '/' || isBelow(attributes.path, discoveryPaths));
    }
    if (isPublicConfigMap(attributes)) return true;
    return attributes.verb === 'create' && (selfReviews.get(attributes.group) ?? []).includes(attributes.resource);
  },
  resourceRules: [
    ...Array.from(selfReviews, ([group, resources]) => ({ verbs: ['create'], apiGroups: [group], resources })),
    { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['<in kube-public>'] },
  ],
  nonResourceRules: [{ verbs: ['get'], nonResourceURLs: discoveryPaths.flatMap((path) => [path, `${path}/*`]) }],
};

/** The namespace for what everyone may know (kubernetes documentation, "Namespaces", initial namespaces). */
function isPublicConfigMap({ verb, group, resource, namespace, name, subresource }: ResourceAttributes): boolean {
  const isConfigMap = group === '' && resource === 'configmaps' && subresource === '';
  return isConfigMap && verb === 'get' && namespace === 'kube-public' && name !== '';
}

function isRead(verb: string): boolean {
  return verb === 'get' || verb === 'head';
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}/`));
}
