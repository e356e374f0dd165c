// Counts the calls of a process that change anything, and does what is asked for at one of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { shiftClock } from './clock.ts';
import type { Fault } from './fault.ts';

export interface Call<T> {
  readonly name: string;
  /** What it is about: a path, or a command line. */
  readonly subject: string;
  readonly run: () => T;
  /** The same call, failing as the system would let it fail. */
  readonly fail: (code: string) => T;
  /** The same call with half of what it writes; absent where that means nothing. */
  readonly runHalf?: (() => T) | undefined;
}

export interface InjectorOptions {
  readonly fault: Fault | undefined;
  /** Calls that were made before. */
  readonly count: number;
  /** Told of each call before it happens. */
  readonly onCall: (line: string) => void;
  /** Whether a held call may happen. */
  readonly isReleased: () => boolean;
}

const holdPause = 10;

export class Injector {
  readonly #fault: Fault | undefined;
  readonly #onCall: (line: string) => void;
  readonly #isReleased: () => boolean;
  #count: number;

  constructor({ fault, count, onCall, isReleased }: InjectorOptions) {
    this.#fault = fault;
    this.#onCall = onCall;
    this.#isReleased = isReleased;
    this.#count = count;
    if (fault?.kind === 'clock' && fault.at < count) shiftClock(fault.milliseconds);
  }

  get count(): number {
    return this.#count;
  }

  callSync<T>(call: Call<T>): T {
    const fault = this.#next(call);
    if (fault?.kind === 'delay') sleepSync(fault.milliseconds);
    while (fault?.kind === 'hold' && !this.#isReleased()) sleepSync(holdPause);
    const result = this.#run(call, fault);
    if (fault?.kind === 'kill-after' || fault?.kind === 'tear') die();
    return result;
  }

  async call<T>(call: Call<Promise<T>>): Promise<T> {
    const fault = this.#next(call);
    if (fault?.kind === 'delay') await sleep(fault.milliseconds);
    while (fault?.kind === 'hold' && !this.#isReleased()) await sleep(holdPause);
    const result = await this.#run(call, fault);
    if (fault?.kind === 'kill-after' || fault?.kind === 'tear') die();
    return result;
  }

  #run<T>({ run, runHalf = run, fail }: Call<T>, fault: Fault | undefined): T {
    if (fault?.kind === 'error') return fail(fault.code);
    return fault?.kind === 'tear' ? runHalf() : run();
  }

  /** The fault that this call meets. What happens before the call happens here. */
  #next({ name, subject }: Pick<Call<unknown>, 'name' | 'subject'>): Fault | undefined {
    const number = this.#count++;
    this.#onCall(`${number} ${name} ${subject}`);
    const fault = this.#fault;
    if (fault?.at !== number) return undefined;
    this.#onCall(`  ${fault.kind}`);
    if (fault.kind === 'kill') die();
    if (fault.kind === 'kill-all') killGroupIn(fault.milliseconds);
    if (fault.kind === 'clock') shiftClock(fault.milliseconds);
    return fault;
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal may arrive a moment later; nothing may happen in between.
  for (;;) sleepSync(1000);
}

/** The process leads a group of its own: who starts it sees to that. */
function killGroupIn(milliseconds: number): void {
  if (milliseconds === 0) process.kill(-process.pid, 'SIGKILL');
  else setTimeout(() => process.kill(-process.pid, 'SIGKILL'), milliseconds);
}

function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
