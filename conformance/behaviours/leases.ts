import type { Area } from '../behaviour.ts';
import { done, lease, leases as leasesOf, versionOf } from '../objects.ts';

const spec = {
  holderIdentity: 'me',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.123456Z',
  leaseTransitions: 0,
};

export const leases: Area = {
  name: 'leases',
  behaviours: [
    {
      name: 'one is taken, renewed and released',
      async run({ api, namespace }) {
        const path = `${leasesOf(namespace)}/leader`;
        const absent = await api.get(path);
        const taken = done(await api.post(leasesOf(namespace), lease('leader', spec)));
        const renewed = await api.put(path, {
          ...lease('leader', { ...spec, renewTime: '2026-01-01T00:00:02.000000Z' }),
          metadata: { name: 'leader', resourceVersion: versionOf(taken) },
        });
        const late = await api.put(path, {
          ...lease('leader', { ...spec, holderIdentity: 'other' }),
          metadata: { name: 'leader', resourceVersion: versionOf(taken) },
        });
        const released = await api.put(path, {
          ...lease('leader', { ...spec, holderIdentity: '', leaseDurationSeconds: 1 }),
          metadata: { name: 'leader', resourceVersion: versionOf(renewed) },
        });
        return { absent, taken, renewed, late, released };
      },
    },
    {
      name: 'times keep their microseconds',
      async run({ api, namespace }) {
        const { text } = await api.post(leasesOf(namespace), lease('a', spec));
        return { kept: text.includes('2026-01-01T00:00:00.123456Z') };
      },
    },
    {
      name: 'a time without microseconds',
      run: async ({ api, namespace }) => ({
        code: (await api.post(leasesOf(namespace), lease('a', { renewTime: '2026-01-01T00:00:00Z' }))).code,
      }),
    },
    {
      name: 'a duration of nothing',
      run: ({ api, namespace }) => api.post(leasesOf(namespace), lease('a', { leaseDurationSeconds: 0 })),
    },
    {
      name: 'fewer transitions than none',
      run: ({ api, namespace }) => api.post(leasesOf(namespace), lease('a', { leaseTransitions: -1 })),
    },
    {
      name: 'a patch without the object',
      run: ({ api, namespace }) => api.merge(`${leasesOf(namespace)}/absent`, { spec: { holderIdentity: 'me' } }),
    },
  ],
};
