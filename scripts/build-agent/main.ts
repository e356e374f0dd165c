// npm run build:agent: makes dist/varve-agent, the one file that hosts need.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buildAgent } from './build.ts';

const file = join(import.meta.dirname, '../../dist/varve-agent');
await buildAgent(file);
process.stdout.write(`${file}: ${((await stat(file)).size / 1e6).toFixed(1)} MB\n`);
