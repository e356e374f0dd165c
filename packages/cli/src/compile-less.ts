// For the network side, which waits most of its life: without V8's optimizing compilers it is slower at what it seldom does,
// and has the 8 MB of memory less that touching them costs. This comes before everything else: the bundle's own beginning
// is work enough to wake them.
import { setFlagsFromString } from 'node:v8';

if (process.argv[2] === 'run' && process.argv.includes('--helper')) {
  for (const flag of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(flag);
}
