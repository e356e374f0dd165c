import type { Area } from '../behaviour.ts';
import { done, events as eventsOf, namesIn } from '../objects.ts';

const newEvents = (namespace: string) => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;

function event(name: string, namespace: string, fields: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace, uid: 'u1' },
    reason: 'Tried',
    type: 'Normal',
    message: 'it worked',
    source: { component: 'tester' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
    ...fields,
  };
}

export const events: Area = {
  name: 'events',
  behaviours: [
    { name: 'a core event', run: ({ api, namespace }) => api.post(eventsOf(namespace), event('a', namespace)) },
    {
      name: 'about another namespace',
      run: ({ api, namespace }) =>
        api.post(
          eventsOf(namespace),
          event('a', namespace, { involvedObject: { kind: 'ConfigMap', name: 'a', namespace: 'default' } }),
        ),
    },
    {
      name: 'about a cluster-scoped object',
      run: ({ api, namespace }) =>
        api.post(eventsOf(namespace), event('a', namespace, { involvedObject: { kind: 'Node', name: 'a' } })),
    },
    {
      name: 'about a cluster-scoped object, in default',
      run: ({ api, name }) =>
        api.post(eventsOf('default'), event(name, 'default', { involvedObject: { kind: 'Node', name } })),
    },
    {
      name: 'by what they are about',
      async run({ api, namespace }) {
        done(await api.post(eventsOf(namespace), event('a', namespace)));
        done(await api.post(eventsOf(namespace), event('b', namespace, { reason: 'Failed', type: 'Warning' })));
        const names = async (selector: string) =>
          namesIn(await api.get(`${eventsOf(namespace)}?fieldSelector=${encodeURIComponent(selector)}`));
        return {
          uid: await names('involvedObject.uid=u1'),
          kind: await names('involvedObject.kind=Node'),
          reason: await names('reason=Failed'),
          type: await names('type!=Warning'),
          source: await names('source=tester'),
        };
      },
    },
    {
      name: 'a core event seen by the new group',
      async run({ api, namespace }) {
        done(await api.post(eventsOf(namespace), event('a', namespace)));
        return api.get(`${newEvents(namespace)}/a`);
      },
    },
    {
      name: 'an absent one is created by an update',
      run: ({ api, namespace }) => api.put(`${eventsOf(namespace)}/a`, event('a', namespace)),
    },
  ],
};
