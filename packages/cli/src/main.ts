#!/usr/bin/env node
// Starts the varve command. Compiled code is cached, which halves the time to the first line of output; the cache lies
// where only this user can write, since whatever lies in it is run.
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const home = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
enableCompileCache(process.getuid?.() === 0 ? '/var/cache/varve/node' : join(home, 'varve', 'node'));
const [{ run }, { createProgram }] = await Promise.all([import('./run.ts'), import('./program.ts')]);
await run(createProgram);
