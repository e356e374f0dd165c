import { Store } from '@varve/apiserver';
import { createLogger } from '../../packages/cli/src/logger.ts';
import { createApiServer } from '../../packages/server/src/api-server.ts';
import { StateDirectory } from '../../packages/server/src/state-directory.ts';

/** Serves on 127.0.0.1 until the process ends. */
export async function startEmbeddedServer(directory: string, port: number): Promise<void> {
  const state = await StateDirectory.open(directory);
  const store = Store.open(state.databasePath);
  const ca = await state.authority();
  const hosts = ['127.0.0.1'];
  const { app } = await createApiServer({ state, ca, store, hosts, logger: createLogger('error') });
  await app.listen({ host: '127.0.0.1', port });
}
