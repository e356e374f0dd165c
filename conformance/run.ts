// Runs behaviours against one server, each with names of its own, and keeps what was seen.
import { createHash } from 'node:crypto';
import type { Area, Behaviour, Fixture } from './behaviour.ts';
import { titleOf } from './behaviour.ts';
import { ApiClient } from './client.ts';
import { namespaces } from './objects.ts';
import { type Seen, seenOf } from './observe.ts';
import { connect, type Subject } from './subject.ts';

/** By title. A behaviour that could not be run has the message of its error instead. */
export type Results = Map<string, Seen>;

export async function runAreas(subject: Subject, areas: readonly Area[], signal?: AbortSignal): Promise<Results> {
  const results: Results = new Map();
  using open = new DisposableStack();
  const administrator = await connect(subject);
  const api = open.use(new ApiClient(administrator));
  const { server, ca = '' } = administrator;
  for (const area of areas) {
    for (const behaviour of area.behaviours) {
      signal?.throwIfAborted();
      const title = titleOf(area, behaviour);
      if (results.has(title)) throw new Error(`there are two behaviours "${title}"`);
      const name = nameOf(title);
      const fixture: Fixture = {
        api,
        name,
        namespace: name,
        as: async (user, ...groups) => open.use(new ApiClient(await connect(subject, user, groups))),
        with: (credentials) => open.use(new ApiClient({ server, ca, ...credentials })),
      };
      results.set(title, await see(behaviour, fixture));
    }
  }
  return results;
}

async function see(behaviour: Behaviour, fixture: Fixture): Promise<Seen> {
  const { api, namespace } = fixture;
  try {
    await api.post(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    return seenOf(await behaviour.run(fixture));
  } catch (error) {
    return { failed: seenOf(error instanceof Error ? error.message : String(error)) };
  }
}

/** Valid as every kind of name, the same in every run, and another for each title. */
function nameOf(title: string): string {
  const words = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replaceAll(/^-|-$/g, '');
  return `${words}-${createHash('sha256').update(title).digest('hex').slice(0, 4)}`;
}
