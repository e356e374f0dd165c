// What goes wrong at one numbered call of a process. The text form travels in an environment variable; nothing in the
// product reads it, only the preload of the fault suites does.

export const faultVariable = 'VARVE_FAULT';
/** How many calls the same process made before it replaced itself by execve(2). */
export const countVariable = 'VARVE_FAULT_COUNT';
/** File that gets a line for every call. */
export const traceVariable = 'VARVE_FAULT_TRACE';

export const errorCodes = ['ENOSPC', 'EIO', 'EROFS'] as const;

export type Fault =
  /** The process dies instead of the call; what it has started lives on. */
  | { readonly kind: 'kill'; readonly at: number }
  /** The process dies when the call has happened; what it has started lives on. */
  | { readonly kind: 'kill-after'; readonly at: number }
  /** All that the process has started dies with it, some milliseconds into the call. */
  | { readonly kind: 'kill-all'; readonly at: number; readonly milliseconds: number }
  /** Half of what is written is written, then the process dies. */
  | { readonly kind: 'tear'; readonly at: number }
  /** The call fails; a program fails with status 1. */
  | { readonly kind: 'error'; readonly at: number; readonly code: (typeof errorCodes)[number] }
  | { readonly kind: 'delay'; readonly at: number; readonly milliseconds: number }
  /** The call waits until whoever watches lets it happen. */
  | { readonly kind: 'hold'; readonly at: number }
  /** From here on the clock tells another time. */
  | { readonly kind: 'clock'; readonly at: number; readonly milliseconds: number };

/** While this file is not there, a held call waits. */
export function releasePath(trace: string): string {
  return `${trace}.release`;
}

/** `kind@call`, with the milliseconds or the error code after a colon. */
export function formatFault(fault: Fault): string {
  const text = `${fault.kind}@${fault.at}`;
  if (fault.kind === 'error') return `${text}:${fault.code}`;
  return 'milliseconds' in fault ? `${text}:${fault.milliseconds}` : text;
}

/** Undefined for anything that `formatFault` does not write. */
export function parseFault(text: string): Fault | undefined {
  const [, kind, call, argument = ''] = /^([a-z-]+)@(\d+)(?::(-?\w+))?$/.exec(text) ?? [];
  const at = Number(call);
  const milliseconds = Number(argument);
  switch (kind) {
    case 'kill':
    case 'kill-after':
    case 'tear':
    case 'hold':
      return { kind, at };
    case 'kill-all':
    case 'delay':
    case 'clock':
      return Number.isInteger(milliseconds) ? { kind, at, milliseconds } : undefined;
    case 'error': {
      const code = errorCodes.find((known) => known === argument);
      return code && { kind, at, code };
    }
    default:
      return undefined;
  }
}

const year = 365 * 24 * 60 * 60_000;
/** Longer than a command of OSTree takes on a small sysroot. */
const longestCommand = 80;

/** A fault at one of `calls` calls; kills more often than others. `random` gives numbers from 0 to less than 1. */
export function chooseFault(calls: number, random: () => number): Fault {
  const at = Math.floor(random() * calls);
  const between = (low: number, high: number) => Math.round(low + random() * (high - low));
  const dice = random();
  if (dice < 0.25) return { kind: 'kill', at };
  if (dice < 0.45) return { kind: 'kill-after', at };
  if (dice < 0.65) return { kind: 'kill-all', at, milliseconds: between(0, longestCommand) };
  if (dice < 0.75) return { kind: 'tear', at };
  if (dice < 0.9) return { kind: 'error', at, code: errorCodes[Math.floor(random() * errorCodes.length)] ?? 'EIO' };
  if (dice < 0.95) return { kind: 'delay', at, milliseconds: between(50, 500) };
  return { kind: 'clock', at, milliseconds: between(-30 * year, 30 * year) };
}

/** Numbers from 0 to less than 1, the same ones for the same seed (Mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
