// Time as something that is passed in, where what happens depends on it in ways that only a simulated one can try out.
import { delay } from './abort.ts';

export interface Clock {
  /** Milliseconds since some moment; never goes back, whatever happens to the date. */
  now(): number;
  /** The date, to be written down for others. */
  date(): Date;
  /** Waits `milliseconds` or until the abort, whichever comes first. Never rejects. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  sleep: delay,
};
