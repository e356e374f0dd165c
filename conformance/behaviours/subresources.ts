import type { Area } from '../behaviour.ts';
import { configMap, configMaps, done, namespaces, node, nodes, pool, pools, versionOf } from '../objects.ts';

export const subresources: Area = {
  name: 'subresources',
  behaviours: [
    {
      name: 'status changes only the status',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}/status`, {
          metadata: { labels: { a: 'b' }, finalizers: ['varve.dev/x'] },
          spec: { paused: true },
          status: { machineCount: 2 },
        });
      },
    },
    {
      name: 'status replaced',
      async run({ api, name }) {
        const resourceVersion = versionOf(await api.post(pools, pool(name)));
        return api.put(`${pools}/${name}/status`, {
          ...pool(name, { paused: true }, { resourceVersion }),
          status: { machineCount: 2 },
        });
      },
    },
    {
      name: 'status replaced without a resourceVersion',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.put(`${pools}/${name}/status`, { ...pool(name), status: { machineCount: 2 } });
      },
    },
    {
      name: 'status read',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.get(`${pools}/${name}/status`);
      },
    },
    {
      name: 'a wrong status',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.merge(`${pools}/${name}/status`, { status: { machineCount: 'many' } });
      },
    },
    {
      name: 'the same condition twice',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        const condition = {
          type: 'Updated',
          status: 'True',
          reason: 'Test',
          message: '',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        };
        return api.merge(`${pools}/${name}/status`, { status: { conditions: [condition, condition] } });
      },
    },
    { name: 'status of an absent object', run: ({ api, name }) => api.merge(`${pools}/${name}/status`, {}) },
    { name: 'status of a kind without one', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}/a/status`) },
    {
      name: 'a subresource cannot be created',
      run: ({ api, name }) => api.post(`${pools}/${name}/status`, pool(name)),
    },
    { name: 'a subresource cannot be deleted', run: ({ api, name }) => api.delete(`${pools}/${name}/status`) },
    {
      name: 'status of a node, with metadata',
      async run({ api, name }) {
        done(await api.post(nodes, node(name)));
        return api.merge(`${nodes}/${name}/status`, {
          metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
          spec: { unschedulable: true },
          status: { phase: 'Running' },
        });
      },
    },
    {
      name: 'status of a node through the main path',
      async run({ api, name }) {
        done(await api.post(nodes, node(name)));
        return api.merge(`${nodes}/${name}`, { status: { phase: 'Running' } });
      },
    },
    {
      name: 'finalize of a namespace that stays',
      async run({ api, name }) {
        const own = {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: `${name}-own` },
          spec: { finalizers: ['kubernetes', 'varve.dev/own'] },
        };
        done(await api.post(namespaces, own));
        return api.put(`${namespaces}/${name}-own/finalize`, { ...own, spec: { finalizers: ['kubernetes'] } });
      },
    },
    { name: 'scale of a kind without one', run: ({ api, name }) => api.get(`${pools}/${name}/scale`) },
    {
      name: 'status of a namespace',
      async run({ api, namespace }) {
        return api.get(`${namespaces}/${namespace}/status`);
      },
    },
    {
      name: 'as a status, a config map is no such thing',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.merge(`${configMaps(namespace)}/a/status`, {});
      },
    },
  ],
};
