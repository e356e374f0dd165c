import type { Area } from '../behaviour.ts';
import { configMap, configMaps, done, namespaces, pool, pools, versionOf } from '../objects.ts';

export const get: Area = {
  name: 'get',
  behaviours: [
    {
      name: 'a built-in object',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a', { a: '1' })));
        return api.get(`${configMaps(namespace)}/a`);
      },
    },
    {
      name: 'a custom object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name, { paused: true })));
        return api.get(`${pools}/${name}`);
      },
    },
    { name: 'an absent object', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}/absent`) },
    { name: 'an absent custom object', run: ({ api }) => api.get(`${pools}/absent`) },
    {
      name: 'at any version',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        const { code } = await api.get(`${configMaps(namespace)}/a?resourceVersion=0`);
        return { found: code === 200 || code === 404 };
      },
    },
    {
      name: 'not older than a version',
      async run({ api, namespace }) {
        const version = versionOf(await api.post(configMaps(namespace), configMap('a')));
        return api.get(`${configMaps(namespace)}/a?resourceVersion=${version}`);
      },
    },
    {
      name: 'the watch flag on a named object is ignored',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.get(`${configMaps(namespace)}/a?watch=true`);
      },
    },
    { name: 'a namespace', run: ({ api, namespace }) => api.get(`${namespaces}/${namespace}`) },
    { name: 'an unknown kind of the core group', run: ({ api }) => api.get('/api/v1/bananas') },
    { name: 'an unknown custom kind', run: ({ api }) => api.get('/apis/machineconfiguration.openshift.io/v1/bananas') },
    { name: 'an unknown group', run: ({ api }) => api.get('/apis/bananas.example.com/v1/bananas') },
    {
      name: 'an unknown version',
      run: ({ api }) => api.get('/apis/machineconfiguration.openshift.io/v9/machineconfigpools'),
    },
    { name: 'an unknown subresource', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}/a/bananas`) },
    { name: 'an unknown custom subresource', run: ({ api }) => api.get(`${pools}/a/bananas`) },
    { name: 'an unknown path', run: ({ api }) => api.get('/bananas') },
    { name: 'a method that is not served', run: ({ api, namespace }) => api.call('OPTIONS', configMaps(namespace)) },
  ],
};
