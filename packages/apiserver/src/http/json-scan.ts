// What JSON.parse does not tell: duplicate keys, and values that would hurt later (deep nesting, `__proto__`).
import { isRecord } from '../object.ts';

export const maxDepth = 200;

/** Why the parsed value must be refused, or undefined. */
export function findHazard(value: unknown): string | undefined {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.depth > maxDepth) return `nested more than ${maxDepth} levels deep`;
    if (Array.isArray(next.value)) {
      for (const item of next.value) if (typeof item === 'object') open.push({ value: item, depth: next.depth + 1 });
    } else if (isRecord(next.value)) {
      for (const [key, item] of Object.entries(next.value)) {
        if (key === '__proto__') return 'the key "__proto__" is not allowed';
        if (typeof item === 'object') open.push({ value: item, depth: next.depth + 1 });
      }
    }
  }
  return undefined;
}

interface Frame {
  readonly keys: Set<string> | undefined;
  /** Path of the object or list itself. */
  readonly path: string;
  /** Path of the value that is read next. */
  current: string;
  index: number;
  expectsKey: boolean;
}

const token = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+)/y;

/** Paths of keys that stand twice in one object. `text` must be valid JSON. */
export function duplicateKeys(text: string): string[] {
  const duplicates: string[] = [];
  const frames: Frame[] = [];
  const scanner = new RegExp(token);
  for (let match = scanner.exec(text); match !== null; match = scanner.exec(text)) {
    const part = match[1] ?? '';
    const frame = frames.at(-1);
    if (part === '{' || part === '[') frames.push(openFrame(part, frame));
    else if (part === '}' || part === ']') frames.pop();
    else if (part === ',' && frame !== undefined) nextItem(frame);
    else if (part.startsWith('"') && frame?.expectsKey === true) noteKey(frame, part, duplicates);
  }
  return duplicates;
}

function openFrame(part: '{' | '[', parent: Frame | undefined): Frame {
  const path = parent?.current ?? '';
  if (part === '{') return { keys: new Set(), path, current: path, index: 0, expectsKey: true };
  return { keys: undefined, path, current: `${path}[0]`, index: 0, expectsKey: false };
}

function nextItem(frame: Frame): void {
  if (frame.keys !== undefined) {
    frame.expectsKey = true;
    return;
  }
  frame.index++;
  frame.current = `${frame.path}[${frame.index}]`;
}

function noteKey(frame: Frame, literal: string, duplicates: string[]): void {
  const key: unknown = JSON.parse(literal);
  const name = String(key);
  frame.current = frame.path === '' ? name : `${frame.path}.${name}`;
  if (frame.keys?.has(name) === true) duplicates.push(frame.current);
  frame.keys?.add(name);
  frame.expectsKey = false;
}
