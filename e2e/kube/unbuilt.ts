// Prints the programs of a cluster that Go has yet to build on this machine; nothing where all are there.
import { unbuiltPrograms } from './programs.ts';

process.stdout.write((await unbuiltPrograms()).join(', '));
