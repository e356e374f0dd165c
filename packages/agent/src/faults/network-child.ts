// The network side of a host, without rights, until it is told to end: network-child.ts SYSROOT SOCKET
import { runAgent } from '../agent.ts';
import { becomeNobody } from '../fixtures/nobody.ts';
import { createStoryLogger } from './story-logger.ts';

const [, , sysroot = '', helper = ''] = process.argv;
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
becomeNobody();
const registry = { insecure: true, retry: { attempts: 2, firstDelay: 50 } };
const options = { sysroot, helper, signal: stop.signal, logger: createStoryLogger(), registry };
// A "reboot" begins it anew.
while ((await runAgent(options)) === 'reboot');
