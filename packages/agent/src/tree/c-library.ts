// Functions of the C library that Node has none for: extended attributes, xattr(7). They are found in this process, so that
// a host needs no tool for them. Who needs them imports this when that is so: it costs a process 8 MB.
import ffi from 'node:ffi';
import { getSystemErrorName } from 'node:util';

const { functions } = ffi.dlopen(null, {
  llistxattr: { arguments: ['string', 'buffer', 'u64'], return: 'i64' },
  flistxattr: { arguments: ['i32', 'buffer', 'u64'], return: 'i64' },
  fgetxattr: { arguments: ['i32', 'buffer', 'buffer', 'u64'], return: 'i64' },
  fsetxattr: { arguments: ['i32', 'buffer', 'buffer', 'u64', 'i32'], return: 'i32' },
  fremovexattr: { arguments: ['i32', 'buffer'], return: 'i32' },
  // The address of errno, in glibc and in musl.
  __errno_location: { arguments: [], return: 'pointer' },
});

/** The longest list of names, and the longest value (linux/limits.h, XATTR_LIST_MAX and XATTR_SIZE_MAX). */
const longest = 65_536;
const buffer = Buffer.alloc(longest);

/** Names of what lies at a path, a link not followed; none where the file system has no such thing. One byte, one character. */
export function listAttributesAt(path: string): string[] {
  return namesOf(functions.llistxattr(path, buffer, BigInt(longest)), 'llistxattr');
}

/** The same of an open file or directory. */
export function listAttributes(fd: number): string[] {
  return namesOf(functions.flistxattr(fd, buffer, BigInt(longest)), 'flistxattr');
}

export function getAttribute(fd: number, name: string): Buffer {
  const length = Number(functions.fgetxattr(fd, encode(name), buffer, BigInt(longest)));
  if (length < 0) throw failure('fgetxattr');
  return Buffer.from(buffer.subarray(0, length));
}

export function setAttribute(fd: number, name: string, value: Uint8Array): void {
  if (functions.fsetxattr(fd, encode(name), value, BigInt(value.length), 0) < 0) throw failure('fsetxattr');
}

export function removeAttribute(fd: number, name: string): void {
  if (functions.fremovexattr(fd, encode(name)) < 0) throw failure('fremovexattr');
}

/** `length`: of the list in the buffer. */
function namesOf(length: bigint, syscall: string): string[] {
  if (length > 0n) return buffer.toString('latin1', 0, Number(length) - 1).split('\0');
  if (length === 0n) return [];
  const error = failure(syscall);
  if (error.code === 'ENOTSUP') return [];
  throw error;
}

function encode(name: string): Buffer {
  return Buffer.from(`${name}\0`, 'latin1');
}

function failure(syscall: string): Error & { code: string } {
  const code = getSystemErrorName(-ffi.getInt32(functions.__errno_location()));
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}
