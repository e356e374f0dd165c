// The helper of a host, root, until it is told to end: helper-child.ts SYSROOT SOCKET
import { restartProcess } from '../boot/restart.ts';
import { nobody } from '../fixtures/nobody.ts';
import { runHelper } from '../helper/run.ts';
import { createStoryLogger } from './story-logger.ts';

const [, , sysroot = '', path = ''] = process.argv;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const socket = { path, group: nobody };
const outcome = await runHelper({ sysroot, socket, signal: stop.signal, logger: createStoryLogger() });
if (outcome === 'reboot') restartProcess();
