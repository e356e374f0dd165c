// Starts varve-agent. scripts/build-agent makes one executable of this file and what it needs.
import './compile-less.ts';
import { createAgentProgram } from './agent-program.ts';
import { run } from './run.ts';

await run(createAgentProgram);
