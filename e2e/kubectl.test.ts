// The unmodified kubectl against `varve up`, for each kubectl that can be had.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ControlPlane } from './control-plane.ts';
import { testSession } from './kubectl-session.ts';
import { kubectls } from './kubectls.ts';

describe.each(await kubectls())('%s', (path) => {
  let server: ControlPlane;

  beforeAll(async () => {
    server = await ControlPlane.start();
  });

  afterAll(async () => {
    expect(await server.log()).not.toContain('an API request failed');
    await server[Symbol.asyncDispose]();
  });

  testSession(path, () => server);

  test('the audit log names every writer and never a secret', async () => {
    const events = await server.auditLog();
    expect(events.filter((event) => event.verb === 'create').length).toBeGreaterThan(5);
    expect(JSON.stringify(events)).not.toContain('Yg==');
  });
});
