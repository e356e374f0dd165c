import { startTestServer } from '@varve/apiserver';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { runController } from './controller.ts';

test('does not start where `varve up` runs the controllers', async () => {
  await using server = await startTestServer();
  const running = runController({
    connection: { server: server.url, ca: server.authority.certificate, token: server.token },
    namespace: 'varve-system',
    identity: 'one',
    logger: pino({ level: 'silent' }),
    signal: AbortSignal.timeout(10_000),
  });
  await expect(running).rejects.toMatchObject({ code: 'OTHER_OPERATOR', message: expect.stringContaining('varve up') });
});
