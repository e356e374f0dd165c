/**
 * Lets the clock of this process tell another time, until it is disposed of. Only what scripts see: certificates of peers
 * are checked by the system's clock, and files get its times.
 */
export function shiftClock(milliseconds: number): Disposable {
  const real = Date;
  globalThis.Date = new Proxy(real, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [target.now() + milliseconds] : args, newTarget),
    get: (target, name) => (name === 'now' ? () => target.now() + milliseconds : Reflect.get(target, name)),
  });
  return {
    [Symbol.dispose]() {
      globalThis.Date = real;
    },
  };
}
