import type { Area, Fixture } from '../behaviour.ts';
import type { Answer } from '../client.ts';
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
  secret,
  secrets,
  textIn,
  versionOf,
} from '../objects.ts';

export const list: Area = {
  name: 'list',
  behaviours: [
    {
      name: 'built-in objects',
      async run(fixture) {
        await threeMaps(fixture);
        return fixture.api.get(configMaps(fixture.namespace));
      },
    },
    {
      name: 'custom objects',
      async run({ api, name }) {
        for (const suffix of ['b', 'a'])
          done(await api.post(pools, pool(`${name}-${suffix}`, {}, { labels: { of: name } })));
        return api.get(`${pools}?labelSelector=of%3D${name}`);
      },
    },
    {
      name: 'all namespaces, in order',
      async run({ api, namespace }) {
        for (const each of ['z', 'a']) {
          done(await api.post(secrets(namespace), secret(each, { type: `example.com/${namespace}` })));
          done(
            await api.post(secrets('default'), secret(`${namespace}-${each}`, { type: `example.com/${namespace}` })),
          );
        }
        return { names: namesIn(await api.get(`/api/v1/secrets?fieldSelector=type%3Dexample.com%2F${namespace}`)) };
      },
    },
    { name: 'nothing', run: ({ api, namespace }) => api.get(configMaps(namespace)) },
    { name: 'a namespace that does not exist', run: ({ api }) => api.get(configMaps('nowhere')) },
    {
      name: 'in pages',
      async run(fixture) {
        await threeMaps(fixture);
        const path = `${configMaps(fixture.namespace)}?limit=2`;
        const first = await fixture.api.get(path);
        done(await fixture.api.delete(`${configMaps(fixture.namespace)}/c`));
        const second = await fixture.api.get(
          `${path}&continue=${encodeURIComponent(textIn(first, 'metadata', 'continue'))}`,
        );
        return { first, second, sameVersion: versionOf(first) === versionOf(second) };
      },
    },
    {
      name: 'in pages with a selector',
      async run(fixture) {
        await threeMaps(fixture);
        return fixture.api.get(`${configMaps(fixture.namespace)}?limit=1&labelSelector=in`);
      },
    },
    {
      name: 'the next page with a resourceVersion',
      async run(fixture) {
        await threeMaps(fixture);
        const path = `${configMaps(fixture.namespace)}?limit=2`;
        const first = await fixture.api.get(path);
        const next = encodeURIComponent(textIn(first, 'metadata', 'continue'));
        return fixture.api.get(`${path}&continue=${next}&resourceVersion=${versionOf(first)}`);
      },
    },
    {
      name: 'a broken continue token',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?limit=1&continue=broken`),
    },
    { name: 'a limit that is no number', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?limit=abc`) },
    { name: 'an unknown parameter', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?colour=red`) },
    {
      name: 'resourceVersion 0 ignores the limit',
      async run(fixture) {
        await threeMaps(fixture);
        return { names: namesIn(await fixture.api.get(`${configMaps(fixture.namespace)}?resourceVersion=0&limit=1`)) };
      },
    },
    {
      name: 'exactly at a resourceVersion',
      async run(fixture) {
        const version = versionOf(await threeMaps(fixture));
        done(await fixture.api.delete(`${configMaps(fixture.namespace)}/a`));
        const exact = await fixture.api.get(
          `${configMaps(fixture.namespace)}?resourceVersion=${version}&resourceVersionMatch=Exact`,
        );
        return { names: namesIn(exact), sameVersion: versionOf(exact) === version };
      },
    },
    {
      name: 'not older than a resourceVersion',
      async run(fixture) {
        const version = versionOf(await threeMaps(fixture));
        const answer = await fixture.api.get(
          `${configMaps(fixture.namespace)}?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`,
        );
        return { names: namesIn(answer) };
      },
    },
    {
      name: 'a resourceVersion of the future',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?resourceVersion=999999999`).then(futureless),
    },
    {
      name: 'a resourceVersion that is no number',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?resourceVersion=new`),
    },
    {
      name: 'a match without a resourceVersion',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?resourceVersionMatch=Exact`),
    },
    {
      name: 'exactly at 0',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?resourceVersion=0&resourceVersionMatch=Exact`),
    },
    {
      name: 'an unknown match',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?resourceVersion=1&resourceVersionMatch=Near`),
    },
    {
      name: 'initial events without a watch',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?sendInitialEvents=true`),
    },
    ...['a=1', 'a==1', 'a!=1', 'a in (1,2)', 'a notin (1)', 'a', '!a', 'a>1', 'a<2', 'in,a=2', 'a=', ''].map(
      (selector) => ({
        name: `labels ${selector || 'with an empty selector'}`,
        async run(fixture: Fixture) {
          await threeMaps(fixture);
          const answer = await fixture.api.get(
            `${configMaps(fixture.namespace)}?labelSelector=${encodeURIComponent(selector)}`,
          );
          return { names: namesIn(answer) };
        },
      }),
    ),
    ...['a=b=c', 'a in 1', '=', 'a b', '-a', 'a>b'].map((selector) => ({
      name: `labels with the broken selector ${selector}`,
      run: ({ api, namespace }: Fixture) =>
        api.get(`${configMaps(namespace)}?labelSelector=${encodeURIComponent(selector)}`),
    })),
    ...['metadata.name=a', 'metadata.name==a', 'metadata.name!=a', 'metadata.name=a,metadata.namespace=default'].map(
      (selector) => ({
        name: `fields ${selector}`,
        async run(fixture: Fixture) {
          await threeMaps(fixture);
          const answer = await fixture.api.get(
            `${configMaps(fixture.namespace)}?fieldSelector=${encodeURIComponent(selector)}`,
          );
          return { names: namesIn(answer) };
        },
      }),
    ),
    {
      name: 'an unknown field',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?fieldSelector=data.a%3D1`),
    },
    {
      name: 'an unknown field of a custom kind',
      run: ({ api }) => api.get(`${pools}?fieldSelector=spec.paused%3Dtrue`),
    },
    {
      name: 'a broken field selector',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?fieldSelector=metadata.name`),
    },
    {
      name: 'nodes by spec.unschedulable',
      async run({ api, name }) {
        done(await api.post(nodes, node(`${name}-on`, {}, { labels: { of: name } })));
        done(await api.post(nodes, node(`${name}-off`, { spec: { unschedulable: true } }, { labels: { of: name } })));
        return {
          names: namesIn(await api.get(`${nodes}?labelSelector=of%3D${name}&fieldSelector=spec.unschedulable%3Dtrue`)),
        };
      },
    },
    {
      name: 'namespaces by status.phase',
      run: ({ api, namespace }) =>
        api.get(`${namespaces}?fieldSelector=status.phase%3DActive%2Cmetadata.name%3D${namespace}`),
    },
    { name: 'pods of a node', run: ({ api, name }) => api.get(`/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`) },
    { name: 'a trailing slash', run: ({ api, namespace }) => api.get(`${configMaps(namespace)}/`) },
  ],
};

/** Config maps a, b and c; the answer to the last. */
async function threeMaps({ api, namespace }: Fixture) {
  done(await api.post(configMaps(namespace), configMap('a', {}, { labels: { a: '1', in: '' } })));
  done(await api.post(configMaps(namespace), configMap('c', {}, { labels: { in: '' } })));
  return done(await api.post(configMaps(namespace), configMap('b', {}, { labels: { a: '2', in: '' } })));
}

/** Without the version that the server has by chance. */
function futureless(answer: Answer) {
  const body = JSON.parse(answer.text.replace(/current: \d+/, 'current: <version>'));
  return { answer: { ...answer, body }, retryAfter: answer.headers['retry-after'] };
}
