// The end of a "boot" of a sysroot in a directory: the agent's process starts afresh, as PID and parent know it.

/** Exit code of an agent that was told to exit for a reboot instead of starting afresh (sysexits.h EX_TEMPFAIL). */
export const rebootExitCode = 75;

/** Replaces this process by the same program with the same arguments: same PID, nothing of the old memory. */
export function restartProcess(): never {
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], process.env);
}
