import type { Area } from '../behaviour.ts';
import { configMap, configMaps, nodes, pool, pools } from '../objects.ts';

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
