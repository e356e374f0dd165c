import { setTimeout as sleep } from 'node:timers/promises';
import { valueAt } from '@varve/api';
import type { Area } from '../behaviour.ts';
import type { Answer, ApiClient } from '../client.ts';
import {
  configMap,
  configMaps,
  done,
  namesIn,
  namespaces,
  node,
  nodes,
  pool,
  pools,
  uidOf,
  versionOf,
} from '../objects.ts';

export const deletion: Area = {
  name: 'delete',
  behaviours: [
    {
      name: 'a built-in object',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return {
          answer: await api.delete(`${configMaps(namespace)}/a`),
          after: await api.get(`${configMaps(namespace)}/a`),
        };
      },
    },
    {
      name: 'a custom object',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return { answer: await api.delete(`${pools}/${name}`), after: await api.get(`${pools}/${name}`) };
      },
    },
    { name: 'an absent object', run: ({ api, namespace }) => api.delete(`${configMaps(namespace)}/absent`) },
    { name: 'an absent custom object', run: ({ api, name }) => api.delete(`${pools}/${name}`) },
    {
      name: 'an object with a finalizer',
      async run({ api, name }) {
        const path = `${pools}/${name}`;
        done(await api.post(pools, pool(name, {}, { finalizers: ['varve.dev/wait'] })));
        const first = await api.delete(path);
        const second = await api.delete(path);
        const last = await api.merge(path, { metadata: { finalizers: null } });
        return { first, unchanged: versionOf(first) === versionOf(second), second, last, after: await api.get(path) };
      },
    },
    {
      name: 'with the uid of another',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        const uid = '0a0a0a0a-0000-4000-8000-000000000000';
        return api.delete(`${pools}/${name}`, { body: { preconditions: { uid } } });
      },
    },
    {
      name: 'with its uid',
      async run({ api, name }) {
        const uid = uidOf(await api.post(pools, pool(name)));
        return api.delete(`${pools}/${name}`, { body: { preconditions: { uid } } });
      },
    },
    {
      name: 'with a stale resourceVersion',
      async run({ api, namespace }) {
        const resourceVersion = versionOf(await api.post(configMaps(namespace), configMap('a')));
        done(await api.merge(`${configMaps(namespace)}/a`, { data: { a: '1' } }));
        const answer = await api.delete(`${configMaps(namespace)}/a`, { body: { preconditions: { resourceVersion } } });
        return { ...answer, body: JSON.parse(answer.text.replaceAll(/\(\d+\)/g, '(<version>)')) };
      },
    },
    {
      name: 'dry run',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return {
          answer: await api.delete(`${pools}/${name}?dryRun=All`),
          after: (await api.get(`${pools}/${name}`)).code,
        };
      },
    },
    {
      name: 'an unknown propagation policy',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.delete(`${pools}/${name}`, { body: { propagationPolicy: 'Sideways' } });
      },
    },
    {
      name: 'two propagation policies',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        return api.delete(`${pools}/${name}`, { body: { propagationPolicy: 'Orphan', orphanDependents: true } });
      },
    },
    {
      name: 'a body wins over the query',
      async run({ api, name }) {
        done(await api.post(pools, pool(name)));
        await api.delete(`${pools}/${name}?dryRun=All`, { body: { propagationPolicy: 'Background' } });
        return { after: (await api.get(`${pools}/${name}`)).code };
      },
    },
    {
      name: 'a broken body',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return api.delete(`${configMaps(namespace)}/a`, { body: '{' });
      },
    },
    {
      name: 'a collection by selector',
      async run({ api, namespace }) {
        for (const name of ['a', 'b', 'c']) {
          done(await api.post(configMaps(namespace), configMap(name, {}, { labels: { drop: String(name !== 'b') } })));
        }
        const answer = await api.delete(`${configMaps(namespace)}?labelSelector=drop%3Dtrue`);
        return { answer, left: namesIn(await api.get(configMaps(namespace))) };
      },
    },
    {
      name: 'dependents of an owner in the background',
      async run({ api, namespace }) {
        await ownedMaps(api, namespace);
        const answer = await api.delete(`${configMaps(namespace)}/owner`, {
          body: { propagationPolicy: 'Background' },
        });
        return { answer, dependent: (await absent(api, `${configMaps(namespace)}/dependent`)).code };
      },
    },
    {
      name: 'dependents of an owner in the foreground',
      async run({ api, namespace }) {
        await ownedMaps(api, namespace);
        const answer = await api.delete(`${configMaps(namespace)}/owner`, {
          body: { propagationPolicy: 'Foreground' },
        });
        return {
          answer,
          dependent: (await absent(api, `${configMaps(namespace)}/dependent`)).code,
          owner: (await absent(api, `${configMaps(namespace)}/owner`)).code,
        };
      },
    },
    {
      name: 'an owner without its dependents',
      async run({ api, namespace }) {
        await ownedMaps(api, namespace);
        const answer = await api.delete(`${configMaps(namespace)}/owner`, { body: { propagationPolicy: 'Orphan' } });
        const owner = await absent(api, `${configMaps(namespace)}/owner`);
        const dependent = await api.get(`${configMaps(namespace)}/dependent`);
        return {
          answer,
          owner: owner.code,
          dependent: dependent.code,
          owned: valueAt(dependent.body, 'metadata', 'ownerReferences') !== undefined,
        };
      },
    },
    {
      name: 'dependents of a node',
      async run({ api, name, namespace }) {
        const uid = uidOf(await api.post(nodes, node(name)));
        const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
        done(await api.post(configMaps(namespace), configMap('dependent', {}, { ownerReferences })));
        done(await api.delete(`${nodes}/${name}`));
        return { dependent: (await absent(api, `${configMaps(namespace)}/dependent`)).code };
      },
    },
    {
      name: 'a namespace with what is in it',
      async run({ api, name }) {
        const own = `${name}-own`;
        done(await api.post(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: own } }));
        done(await api.post(configMaps(own), configMap('inside', {}, { finalizers: ['varve.dev/wait'] })));
        const answer = await api.delete(`${namespaces}/${own}`);
        const inside = await api.post(configMaps(own), configMap('late'));
        await deleting(api, `${configMaps(own)}/inside`);
        done(await api.merge(`${configMaps(own)}/inside`, { metadata: { finalizers: null } }));
        return { answer, inside, after: await absent(api, `${namespaces}/${own}`) };
      },
    },
    { name: 'a namespace of the system', run: ({ api }) => api.delete(`${namespaces}/kube-system`) },
  ],
};

/** A config map and one that it owns. */
async function ownedMaps(api: ApiClient, namespace: string): Promise<void> {
  const uid = uidOf(await api.post(configMaps(namespace), configMap('owner')));
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, blockOwnerDeletion: true }];
  done(await api.post(configMaps(namespace), configMap('dependent', {}, { ownerReferences })));
}

/** The last answer for an object that somebody else deletes: 404 once it is gone, and whatever it is after 30 seconds. */
function absent(api: ApiClient, path: string): Promise<Answer> {
  return until(api, path, ({ code }) => code === 404);
}

function deleting(api: ApiClient, path: string): Promise<Answer> {
  return until(api, path, ({ text }) => text.includes('deletionTimestamp'));
}

async function until(api: ApiClient, path: string, holds: (answer: Answer) => boolean): Promise<Answer> {
  for (let left = 300; ; left -= 1) {
    const answer = await api.get(path);
    if (left === 0 || holds(answer)) return answer;
    await sleep(100);
  }
}
