// The API server of `varve up` with its audit log, and nothing else of it: the peer has no controllers either. It starts as
// the command does, with a cache of compiled code. Arguments: state directory, port.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

const [directory = '', port = ''] = process.argv.slice(2);
enableCompileCache(join(directory, 'compiled'));
const { startEmbeddedServer } = await import('./embedded-server.ts');
await startEmbeddedServer(directory, Number(port));
flushCompileCache();
