import type { Area, Fixture } from '../behaviour.ts';
import type { WatchEvent } from '../client.ts';
import { configMap, configMaps, done, pool, pools, versionOf } from '../objects.ts';

export const watch: Area = {
  name: 'watch',
  behaviours: [
    {
      name: 'changes after a version',
      async run({ api, namespace }) {
        const version = versionOf(done(await api.post(configMaps(namespace), configMap('before'))));
        const events = await api.watch(
          `${configMaps(namespace)}?watch=true&resourceVersion=${version}`,
          3,
          async () => {
            done(await api.post(configMaps(namespace), configMap('a')));
            done(await api.merge(`${configMaps(namespace)}/a`, { data: { a: '1' } }));
            done(await api.delete(`${configMaps(namespace)}/a`));
          },
        );
        return { events, increasing: areIncreasing(events) };
      },
    },
    {
      name: 'custom objects',
      async run({ api, name }) {
        const version = versionOf(done(await api.post(pools, pool(name))));
        const path = `${pools}?watch=true&resourceVersion=${version}&fieldSelector=metadata.name%3D${name}`;
        const events = await api.watch(path, 2, async () => {
          done(await api.merge(`${pools}/${name}/status`, { status: { observedGeneration: 1 } }));
          done(await api.delete(`${pools}/${name}`));
        });
        return { events };
      },
    },
    {
      name: 'what exists first, without a version',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        const events = await api.watch(`${configMaps(namespace)}?watch=true`, 2, async () => {
          done(await api.post(configMaps(namespace), configMap('b')));
        });
        return { events: named(events) };
      },
    },
    {
      name: 'what exists first, at version 0',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        return { events: named(await api.watch(`${configMaps(namespace)}?watch=true&resourceVersion=0`, 1)) };
      },
    },
    {
      name: 'initial events and their end',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        done(await api.post(configMaps(namespace), configMap('b')));
        const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
        const events = await api.watch(`${configMaps(namespace)}?${query}`, 4, async () => {
          done(await api.post(configMaps(namespace), configMap('c')));
        });
        const order = events.map(({ type }) => type);
        return {
          bookmark: events.find(({ type }) => type === 'BOOKMARK')?.object,
          bookmarks: order.filter((type) => type === 'BOOKMARK').length,
          all: named(events).toSorted(),
        };
      },
    },
    {
      name: 'initial events without bookmarks',
      async run({ api, namespace }) {
        done(await api.post(configMaps(namespace), configMap('a')));
        const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1';
        return { events: named(await api.watch(`${configMaps(namespace)}?${query}`, 9)) };
      },
    },
    {
      name: 'initial events without a match',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?watch=true&sendInitialEvents=true`),
    },
    {
      name: 'a match without initial events',
      run: ({ api, namespace }) =>
        api.get(`${configMaps(namespace)}?watch=true&resourceVersion=1&resourceVersionMatch=NotOlderThan`),
    },
    {
      name: 'initial events with another match',
      run: ({ api, namespace }) =>
        api.get(
          `${configMaps(namespace)}?watch=true&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1`,
        ),
    },
    {
      name: 'an object that enters and leaves a selector',
      async run({ api, namespace }) {
        const version = versionOf(done(await api.post(configMaps(namespace), configMap('a'))));
        const path = `${configMaps(namespace)}?watch=true&resourceVersion=${version}&labelSelector=in`;
        const events = await api.watch(path, 3, async () => {
          const at = `${configMaps(namespace)}/a`;
          done(await api.merge(at, { data: { unseen: '1' } }));
          done(await api.merge(at, { metadata: { labels: { in: '' } } }));
          done(await api.merge(at, { data: { seen: '1' } }));
          done(await api.merge(at, { metadata: { labels: null } }));
          done(await api.merge(at, { data: { unseen: '2' } }));
        });
        return { events };
      },
    },
    {
      name: 'no event for a write that changes nothing',
      async run({ api, namespace }) {
        const version = versionOf(done(await api.post(configMaps(namespace), configMap('a', { a: '1' }))));
        const events = await api.watch(
          `${configMaps(namespace)}?watch=true&resourceVersion=${version}`,
          1,
          async () => {
            done(await api.merge(`${configMaps(namespace)}/a`, { data: { a: '1' } }));
            done(await api.post(configMaps(namespace), configMap('b')));
          },
        );
        return { events: named(events) };
      },
    },
    {
      name: 'the server ends it after timeoutSeconds',
      run: async ({ api, namespace }) => ({
        events: named(await api.watch(`${configMaps(namespace)}?watch=true&timeoutSeconds=1`, 9)),
      }),
    },
    {
      name: 'headers before the first event',
      async run({ api, namespace }) {
        let opened = false;
        await api.watch(`${configMaps(namespace)}?watch=true&timeoutSeconds=2`, 1, async () => {
          opened = true;
        });
        return { opened };
      },
    },
    {
      name: 'a version that is no number',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?watch=true&resourceVersion=new`),
    },
    {
      name: 'an unknown field',
      run: ({ api, namespace }) => api.get(`${configMaps(namespace)}?watch=true&fieldSelector=data.a%3D1`),
    },
    {
      name: 'as tables',
      async run({ api, name }) {
        const version = versionOf(done(await api.post(pools, pool(name))));
        const path = `${pools}?watch=true&resourceVersion=${version}&fieldSelector=metadata.name%3D${name}`;
        const change = async () => {
          done(await api.merge(`${pools}/${name}`, { metadata: { labels: { a: 'b' } } }));
          done(await api.merge(`${pools}/${name}`, { metadata: { labels: { a: 'c' } } }));
        };
        const events = await api.watch(path, 2, change, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
        return { events: events.map(({ type, object }) => ({ type, object: ageless(object) })) };
      },
    },
    {
      name: 'metadata only',
      async run({ api, name }: Fixture) {
        const version = versionOf(done(await api.post(pools, pool(name))));
        const path = `${pools}?watch=true&resourceVersion=${version}&fieldSelector=metadata.name%3D${name}`;
        const change = async () => done(await api.merge(`${pools}/${name}`, { spec: { paused: true } }));
        const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
        return { events: await api.watch(path, 1, change, { accept }) };
      },
    },
  ],
};

function versionIn(event: WatchEvent): bigint {
  const version = /"resourceVersion":"(\d+)"/.exec(JSON.stringify(event.object))?.[1];
  if (version === undefined) throw new Error(`no version in ${JSON.stringify(event)}`);
  return BigInt(version);
}

function areIncreasing(events: readonly WatchEvent[]): boolean {
  const versions = events.map(versionIn);
  return versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? version));
}

/** Types and names, for what has no fixed order or too much in it. */
function named(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, object }) => `${type} ${/"name":"([^"]*)"/.exec(JSON.stringify(object))?.[1] ?? ''}`);
}

/** Ages in cells depend on how fast the server was; descriptions of columns are prose. */
function ageless(object: unknown): unknown {
  const table = JSON.parse(JSON.stringify(object).replaceAll(/"\d+s"/g, '"<age>"'));
  return {
    ...table,
    columnDefinitions: table.columnDefinitions?.map((column: object) => ({ ...column, description: undefined })),
  };
}
