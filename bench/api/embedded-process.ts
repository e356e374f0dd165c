// The API server of `varve up` with its audit log, and nothing else of it: the peer has no controllers either.
// Arguments: state directory, port.
import { resources } from '@varve/api';
import {
  admissionOf,
  apiServerFastifyOptions,
  apiServerPlugin,
  authorizerOf,
  notFoundHandler,
  Store,
} from '@varve/apiserver';
import { fastify } from 'fastify';
import { AuditLog } from '../../packages/server/src/audit-log.ts';
import { deletionGuards } from '../../packages/server/src/guards.ts';
import { rolesOf } from '../../packages/server/src/roles.ts';
import { StateDirectory } from '../../packages/server/src/state-directory.ts';

const [directory = '', port = ''] = process.argv.slice(2);
const onError = (error: unknown) => void process.stderr.write(`${String(error)}\n`);
const state = await StateDirectory.open(directory);
const store = Store.open(state.databasePath);
const authority = await state.authority();
const credential = await state.serverCredential(authority, ['127.0.0.1']);
const audit = AuditLog.open({ path: state.auditPath, onError });
const roles = rolesOf(store);
const app = fastify(apiServerFastifyOptions({ ...credential, clientAuthority: authority.certificate }));
app.setNotFoundHandler(notFoundHandler);
await app.register(apiServerPlugin, {
  resources,
  store,
  authorizer: authorizerOf(roles),
  admission: admissionOf(roles, [deletionGuards(store)]),
  audit: (event) => audit.write(event),
  onError,
});
await app.listen({ host: '127.0.0.1', port: Number(port) });
