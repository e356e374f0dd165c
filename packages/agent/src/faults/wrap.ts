// Puts an injector between a process and everything that writes: file systems, the programs that it starts, and the socket
// between an agent and its helper.
import childProcess from 'node:child_process';
import ffi from 'node:ffi';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { constants } from 'node:os';
import { countVariable } from './fault.ts';
import type { Injector } from './injector.ts';

/** Names without `Sync`; each exists with a promise, with a callback and synchronously, as far as Node has it. */
const writers = [
  'appendFile',
  'chmod',
  'chown',
  'copyFile',
  'cp',
  'fchmod',
  'fchown',
  'fdatasync',
  'fsync',
  'ftruncate',
  'futimes',
  'lchown',
  'link',
  'lutimes',
  'mkdir',
  'mkdtemp',
  'rename',
  'rm',
  'rmdir',
  'symlink',
  'truncate',
  'unlink',
  'utimes',
  'write',
  'writeFile',
  'writev',
];
const handleWriters = [
  'appendFile',
  'chmod',
  'chown',
  'datasync',
  'sync',
  'truncate',
  'utimes',
  'write',
  'writeFile',
  'writev',
];
/** Of the C library (tree/c-library.ts). */
const libraryWriters = ['fsetxattr', 'fremovexattr'];
const spawners = ['execFile', 'execFileSync', 'spawn', 'spawnSync'];

type Arguments = readonly unknown[];

/** Named imports of the wrapped modules see it too, if it is called before them. */
export async function wrapAll(injector: Injector): Promise<void> {
  for (const name of writers) {
    wrapPromise(injector, fs.promises, name);
    wrapSync(injector, fs, `${name}Sync`);
    wrapCallback(injector, fs, name);
  }
  wrapOpen(injector);
  const handle = await fs.promises.open('/dev/null');
  const prototype: object = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of handleWriters) wrapPromise(injector, prototype, name, 0);
  for (const name of spawners) wrapSpawn(injector, name);
  wrapExecve(injector);
  wrapSockets(injector);
  wrapLibrary(injector);
  syncBuiltinESMExports();
}

/** Replaces a function of an object; `wrapper` gets what it was called with, and the original bound to that. */
function replace(
  object: object,
  name: string,
  wrapper: (args: Arguments, original: (args: Arguments) => unknown) => unknown,
): void {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== 'function') return;
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return wrapper(args, (others) => Reflect.apply(original, this, [...others]));
  };
  Object.defineProperty(object, name, { value: wrapped, configurable: true, writable: true, enumerable: true });
}

/** `contentAt`: which argument is what is written. */
function wrapPromise(injector: Injector, object: object, name: string, contentAt = 1): void {
  replace(object, name, (args, original) =>
    injector.call({
      name,
      subject: subjectOf(args),
      run: async () => await original(args),
      fail: async (code) => Promise.reject(systemError(code, name, args)),
      runHalf: async () => await original(halved(name, args, contentAt)),
    }),
  );
}

function wrapSync(injector: Injector, object: object, name: string): void {
  replace(object, name, (args, original) => {
    if (isStandard(args)) return original(args);
    return injector.callSync({
      name,
      subject: subjectOf(args),
      run: () => original(args),
      fail: (code) => {
        throw systemError(code, name, args);
      },
      runHalf: () => original(halved(name, args, 1)),
    });
  });
}

function wrapCallback(injector: Injector, object: object, name: string): void {
  replace(object, name, (args, original) => {
    const callback = args.at(-1);
    if (isStandard(args) || typeof callback !== 'function') return original(args);
    return injector.callSync<unknown>({
      name,
      subject: subjectOf(args),
      run: () => original(args),
      fail: (code) => setImmediate(() => Reflect.apply(callback, undefined, [systemError(code, name, args)])),
    });
  });
}

/** Only where the file may be written to, or made. */
function wrapOpen(injector: Injector): void {
  replace(fs.promises, 'open', (args, original) => {
    if (!opensForWriting(args[1])) return original(args);
    return injector.call({
      name: 'open',
      subject: subjectOf(args),
      run: async () => await original(args),
      fail: async (code) => Promise.reject(systemError(code, 'open', args)),
    });
  });
  replace(fs, 'openSync', (args, original) => {
    if (!opensForWriting(args[1])) return original(args);
    return injector.callSync({
      name: 'openSync',
      subject: subjectOf(args),
      run: () => original(args),
      fail: (code) => {
        throw systemError(code, 'open', args);
      },
    });
  });
}

function opensForWriting(flags: unknown): boolean {
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  if (typeof flags === 'number') return (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0;
  return typeof flags === 'string' && flags !== 'r' && flags !== 'rs';
}

function wrapSpawn(injector: Injector, name: string): void {
  replace(childProcess, name, (args, original) =>
    injector.callSync({
      name,
      subject: [args[0], ...(Array.isArray(args[1]) ? args[1] : [])].join(' ').replaceAll('\n', ' '),
      run: () => original(args),
      // A program that ends with status 1, and says nothing.
      fail: () => original(['false', [], ...args.slice(Array.isArray(args[1]) ? 2 : 1)]),
    }),
  );
}

/** The program that takes this one's place goes on counting. */
function wrapExecve(injector: Injector): void {
  replace(process, 'execve', ([file, args, environment], original) =>
    injector.callSync({
      name: 'execve',
      subject: String(file),
      run: () => original([file, args, { ...Object(environment), [countVariable]: String(injector.count) }]),
      fail: (code) => {
        throw systemError(code, 'execve', [file]);
      },
    }),
  );
}

/** Both ends of connections by a path: what is sent over them. One that fails is cut. */
function wrapSockets(injector: Injector): void {
  replace(net, 'connect', (args, original) => {
    const socket = original(args);
    if (typeof args[0] === 'string' && socket instanceof net.Socket) wrapSends(injector, socket);
    return socket;
  });
  replace(net, 'createServer', ([options, listener], original) =>
    original([
      options,
      (socket: net.Socket) => {
        wrapSends(injector, socket);
        if (typeof listener === 'function') Reflect.apply(listener, undefined, [socket]);
      },
    ]),
  );
}

/** What is written by functions that no module of Node's has. A named import of node:ffi would not see it. */
function wrapLibrary(injector: Injector): void {
  replace(ffi, 'dlopen', (args, original) => {
    const library = original(args);
    const functions = isObject(library) ? Reflect.get(library, 'functions') : undefined;
    if (!isObject(library) || !isObject(functions)) return library;
    const wrapped = { ...functions };
    for (const name of libraryWriters) {
      replace(wrapped, name, (given, call) =>
        injector.callSync({
          name,
          subject:
            given[1] instanceof Uint8Array ? Buffer.from(given[1]).toString('latin1', 0, given[1].length - 1) : '',
          run: () => call(given),
          fail: (code) => failInLibrary(functions, code),
        }),
      );
    }
    return { ...library, functions: wrapped };
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** As the C library says it: -1, and the reason in errno. */
function failInLibrary(functions: object, code: string): number {
  const location: unknown = Reflect.get(functions, '__errno_location');
  const number: unknown = Reflect.get(constants.errno, code);
  if (typeof location === 'function' && typeof number === 'number') ffi.setInt32(location(), 0, number);
  return -1;
}

function wrapSends(injector: Injector, socket: net.Socket): void {
  replace(socket, 'write', (args, original) =>
    injector.callSync({
      name: 'send',
      subject: args[0] instanceof Uint8Array ? `${args[0].length} bytes` : '',
      run: () => original(args),
      fail: () => {
        socket.destroy();
        return false;
      },
      runHalf: () => original(halved('write', args, 0)),
    }),
  );
}

/** The paths; contents are nobody's business. */
function subjectOf(args: Arguments): string {
  const paths = args.filter((value) => typeof value === 'string' && value.includes('/') && !value.includes('\n'));
  return paths.join(' ');
}

/** What goes to the process's own output is a log. */
function isStandard([first]: Arguments): boolean {
  return first === 1 || first === 2;
}

/** With half of the content, where there is one: the first argument of a file handle's methods, else the second. */
function halved(name: string, args: Arguments, index: number): Arguments {
  if (!/^(write|appendFile)/.test(name)) return args;
  const content = args[index];
  if (typeof content === 'string') return args.with(index, content.slice(0, content.length / 2));
  if (!(content instanceof Uint8Array)) return args;
  const length = args[index + 2];
  if (typeof length === 'number') return args.with(index + 2, Math.floor(length / 2));
  return args.with(index, content.subarray(0, content.length / 2));
}

function systemError(code: string, syscall: string, args: Arguments): Error {
  return Object.assign(new Error(`${code}: injected, ${syscall} ${subjectOf(args)}`), { code, syscall });
}
