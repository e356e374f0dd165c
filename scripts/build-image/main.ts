// npm run build:image: fills dist/image, from which deploy/Containerfile makes the image for a cluster.
import { join } from 'node:path';
import { buildAgent } from '../build-agent/build.ts';
import { buildDeb } from '../build-deb/build.ts';
import { buildImageTree } from './build.ts';

const dist = join(import.meta.dirname, '../../dist');
const executable = join(dist, 'varve-agent');
await buildAgent(executable);
const directory = join(dist, 'image');
await buildImageTree(directory, await buildDeb(executable, dist));
process.stdout.write(`${directory}\n`);
