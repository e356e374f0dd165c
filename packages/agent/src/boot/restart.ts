// The end of a "boot" of a sysroot in a directory: the agent's process starts afresh, as PID and parent know it.
import { isSea } from 'node:sea';
import { AgentError } from '../error.ts';

/** Replaces this process by the same program with the same arguments: same PID, nothing of the old memory. */
export function restartProcess(): never {
  // A single executable application brings its Node options itself, and is its own script (Node documentation, "Single
  // executable applications").
  const args = isSea() ? process.argv.slice(2) : [...process.execArgv, ...process.argv.slice(1)];
  // Typed as optional: Windows has no execve(2).
  process.execve?.(process.execPath, [process.execPath, ...args], process.env);
  throw new AgentError('BOOT_FAILED', 'this system cannot replace a running process; start the agent again');
}
