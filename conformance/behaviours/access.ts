import type { Area } from '../behaviour.ts';
import { configMap, configMaps, nodes, pool, pools } from '../objects.ts';

const authorization = '/apis/authorization.k8s.io/v1';
const authentication = '/apis/authentication.k8s.io/v1';

function review(kind: string, spec: object, version = 'authorization.k8s.io/v1') {
  return { apiVersion: version, kind, spec };
}

export const access: Area = {
  name: 'access',
  behaviours: [
    {
      name: 'a wrong token',
      run: ({ with: withCredentials, namespace }) => withCredentials({ token: 'wrong' }).get(configMaps(namespace)),
    },
    { name: 'nobody', run: ({ with: withCredentials, namespace }) => withCredentials({}).get(configMaps(namespace)) },
    {
      name: 'nobody may ask whether the server is well',
      async run({ with: withCredentials }) {
        const nobody = withCredentials({});
        const codes = Object.fromEntries(
          await Promise.all(
            ['/healthz', '/livez', '/readyz', '/version', '/api', '/metrics'].map(
              async (path) => [path, (await nobody.get(path)).code] as const,
            ),
          ),
        );
        return codes;
      },
    },
    { name: 'a user without rights', run: async ({ as, namespace }) => (await as('bob')).get(configMaps(namespace)) },
    { name: 'a user without rights on a custom object', run: async ({ as }) => (await as('bob')).get(`${pools}/a`) },
    {
      name: 'a user without rights on a subresource',
      run: async ({ as }) => (await as('bob')).merge(`${pools}/a/status`, {}),
    },
    {
      name: 'a user without rights who creates',
      run: async ({ as, name }) => (await as('bob')).post(pools, pool(name)),
    },
    {
      name: 'a user without rights who deletes a collection',
      run: async ({ as, namespace }) => (await as('bob')).delete(configMaps(namespace)),
    },
    { name: 'a user without rights who watches', run: async ({ as }) => (await as('bob')).get(`${pools}?watch=true`) },
    { name: 'a user without rights at another path', run: async ({ as }) => (await as('bob')).get('/metrics') },
    {
      name: 'a user without rights may discover',
      run: async ({ as }) => ({ code: (await (await as('bob')).get('/apis')).code }),
    },
    {
      name: 'who I am',
      run: ({ api }) =>
        api.post(`${authentication}/selfsubjectreviews`, review('SelfSubjectReview', {}, 'authentication.k8s.io/v1')),
    },
    {
      name: 'who a user of groups is',
      run: async ({ as }) =>
        (await as('bob', 'team-a', 'team-b')).post(
          `${authentication}/selfsubjectreviews`,
          review('SelfSubjectReview', {}, 'authentication.k8s.io/v1'),
        ),
    },
    {
      name: 'as another',
      run: ({ api }) =>
        api.post(`${authentication}/selfsubjectreviews`, review('SelfSubjectReview', {}, 'authentication.k8s.io/v1'), {
          headers: {
            'impersonate-user': 'carol',
            'impersonate-group': 'team-c',
            'impersonate-uid': 'u1',
            'impersonate-extra-why': 'test',
          },
        }),
    },
    {
      name: 'as another, without the right',
      run: ({ api, namespace }) => api.get(configMaps(namespace), { headers: { 'impersonate-user': 'carol' } }),
    },
    {
      name: 'as another, by a user who may not',
      run: async ({ as, namespace }) => {
        const { code, body } = await (await as('bob')).get(configMaps(namespace), {
          headers: { 'impersonate-user': 'carol' },
        });
        return { code, reason: typeof body === 'object' && body !== null && 'reason' in body ? body.reason : '' };
      },
    },
    {
      name: 'as a group without a user',
      run: ({ api, namespace }) => api.get(configMaps(namespace), { headers: { 'impersonate-group': 'team-c' } }),
    },
    {
      name: 'whether I may',
      run: ({ api }) =>
        api.post(
          `${authorization}/selfsubjectaccessreviews`,
          review('SelfSubjectAccessReview', { resourceAttributes: { verb: 'delete', resource: 'nodes' } }),
        ),
    },
    {
      name: 'whether I may, and may not',
      run: async ({ as }) => {
        const bob = await as('bob');
        return bob.post(
          `${authorization}/selfsubjectaccessreviews`,
          review('SelfSubjectAccessReview', { resourceAttributes: { verb: 'delete', resource: 'nodes' } }),
        );
      },
    },
    {
      name: 'whether I may, at a path',
      run: ({ api }) =>
        api.post(
          `${authorization}/selfsubjectaccessreviews`,
          review('SelfSubjectAccessReview', { nonResourceAttributes: { verb: 'get', path: '/metrics' } }),
        ),
    },
    {
      name: 'whether I may do nothing',
      run: ({ api }) => api.post(`${authorization}/selfsubjectaccessreviews`, review('SelfSubjectAccessReview', {})),
    },
    {
      name: 'whether I may do two things',
      run: ({ api }) =>
        api.post(
          `${authorization}/selfsubjectaccessreviews`,
          review('SelfSubjectAccessReview', {
            resourceAttributes: { verb: 'get', resource: 'nodes' },
            nonResourceAttributes: { verb: 'get', path: '/' },
          }),
        ),
    },
    {
      name: 'whether another may',
      run: ({ api }) =>
        api.post(
          `${authorization}/subjectaccessreviews`,
          review('SubjectAccessReview', {
            user: 'bob',
            groups: ['system:masters'],
            resourceAttributes: { verb: 'get', resource: 'nodes' },
          }),
        ),
    },
    {
      name: 'whether another may in a namespace',
      run: ({ api, namespace }) =>
        api.post(
          `${authorization}/namespaces/${namespace}/localsubjectaccessreviews`,
          review('LocalSubjectAccessReview', {
            user: 'bob',
            resourceAttributes: { verb: 'get', resource: 'secrets', namespace },
          }),
        ),
    },
    {
      name: 'whether nobody may',
      run: ({ api }) =>
        api.post(
          `${authorization}/subjectaccessreviews`,
          review('SubjectAccessReview', { resourceAttributes: { verb: 'get', resource: 'nodes' } }),
        ),
    },
    {
      name: 'all that I may',
      run: ({ api }) =>
        api
          .post(`${authorization}/selfsubjectrulesreviews`, review('SelfSubjectRulesReview', { namespace: 'default' }))
          .then(shapeOfRules),
    },
    {
      name: 'all that I may, nowhere',
      run: ({ api }) => api.post(`${authorization}/selfsubjectrulesreviews`, review('SelfSubjectRulesReview', {})),
    },
    {
      name: 'a token that is none',
      run: ({ api }) =>
        api.post(
          `${authentication}/tokenreviews`,
          review('TokenReview', { token: 'wrong' }, 'authentication.k8s.io/v1'),
        ),
    },
    {
      name: 'no token',
      run: ({ api }) =>
        api.post(`${authentication}/tokenreviews`, review('TokenReview', {}, 'authentication.k8s.io/v1')),
    },
    { name: 'reviews are not kept', run: ({ api }) => api.get(`${authentication}/tokenreviews`) },
    {
      name: 'a node that writes another',
      async run({ api, as, name }) {
        const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: `${name}-other` } };
        await api.post(nodes, node);
        const { code } = await (await as(`system:node:${name}`, 'system:nodes')).merge(
          `${nodes}/${name}-other/status`,
          { status: {} },
        );
        return { code };
      },
    },
    {
      name: 'a node that lists secrets',
      run: async ({ as, name }) => ({
        code: (await (await as(`system:node:${name}`, 'system:nodes')).get('/api/v1/secrets')).code,
      }),
    },
    {
      name: 'a node that writes config maps',
      run: async ({ as, name, namespace }) => ({
        code: (await (await as(`system:node:${name}`, 'system:nodes')).post(configMaps(namespace), configMap('a')))
          .code,
      }),
    },
  ],
};

/** Which rules there are is each server's own. */
function shapeOfRules({ code, body }: { code: number; body: unknown }) {
  const status = typeof body === 'object' && body !== null && 'status' in body ? Object(body.status) : {};
  return {
    code,
    everything: JSON.stringify(status.resourceRules).includes('{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}'),
    incomplete: status.incomplete,
    paths: Array.isArray(status.nonResourceRules),
  };
}
