// npm run build:deb: makes dist/varve-agent_VERSION_ARCHITECTURE.deb.
import { join } from 'node:path';
import { buildAgent } from '../build-agent/build.ts';
import { buildDeb } from './build.ts';

const dist = join(import.meta.dirname, '../../dist');
const executable = join(dist, 'varve-agent');
await buildAgent(executable);
process.stdout.write(`${await buildDeb(executable, dist)}\n`);
