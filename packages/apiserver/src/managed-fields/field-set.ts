// A set of fields, kept in the very form in which managedFields has it (FieldsV1 of apimachinery pkg/apis/meta/v1):
// a tree of path elements, `f:<name>`, `k:{"<key>":<value>}` or `v:<value>`. A node without children is a member of
// the set; a node with children is one only when it holds `.` besides them. The root stands for the whole object and
// is never a member. Sets are immutable; they share their parts.
import { canonicalJson } from '@varve/api';
import { isRecord } from '../object.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** Elements from the root to a field. */
export type FieldPath = readonly string[];

const self = '.';
const leaf: FieldSet = Object.freeze({});
export const emptySet: FieldSet = leaf;

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

function isMember(node: FieldSet): boolean {
  return Object.hasOwn(node, self) || isEmptySet(node);
}

/** The fields below a node, as a set of their own. */
function childrenOf(node: FieldSet): FieldSet {
  if (!Object.hasOwn(node, self)) return node;
  const { [self]: _, ...children } = node;
  return children;
}

/** undefined when nothing is left. */
function nodeOf(member: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? leaf : undefined;
  return member ? { [self]: leaf, ...children } : children;
}

function at(set: FieldSet, element: string): FieldSet | undefined {
  return Object.hasOwn(set, element) ? set[element] : undefined;
}

/** The set below an element; empty when there is none. */
export function below(set: FieldSet, element: string): FieldSet {
  return childrenOf(at(set, element) ?? leaf);
}

/** The node as a member, whatever is below it. */
export function asMember(node: FieldSet): FieldSet {
  return nodeOf(true, childrenOf(node)) ?? leaf;
}

export function hasElement(set: FieldSet, element: string): boolean {
  const node = at(set, element);
  return node !== undefined && isMember(node);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b;
  if (isEmptySet(b)) return a;
  const result: Record<string, FieldSet> = { ...a };
  for (const [element, right] of Object.entries(b)) {
    const left = at(result, element);
    const joined =
      left === undefined
        ? right
        : nodeOf(isMember(left) || isMember(right), union(childrenOf(left), childrenOf(right)));
    if (joined !== undefined) result[element] = joined;
  }
  return result;
}

/** The members of `a` that are not members of `b`; fields below a member of `b` stay. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (left, right) => left && !right, difference);
}

/** The members of `a` that are neither members of `b` nor below one. */
export function without(a: FieldSet, b: FieldSet): FieldSet {
  return combine(
    a,
    b,
    (left, right) => left && !right,
    (left, right, removed) => (removed ? leaf : without(left, right)),
  );
}

function combine(
  a: FieldSet,
  b: FieldSet,
  member: (left: boolean, right: boolean) => boolean,
  children: (left: FieldSet, right: FieldSet, removed: boolean) => FieldSet,
): FieldSet {
  if (isEmptySet(b)) return a;
  const result: Record<string, FieldSet> = {};
  for (const [element, left] of Object.entries(a)) {
    const right = at(b, element);
    const kept =
      right === undefined
        ? left
        : nodeOf(
            member(isMember(left), isMember(right)),
            children(childrenOf(left), childrenOf(right), isMember(right)),
          );
    if (kept !== undefined) result[element] = kept;
  }
  return result;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, left] of Object.entries(a)) {
    const right = at(b, element);
    if (right === undefined) continue;
    const both = nodeOf(isMember(left) && isMember(right), intersection(childrenOf(left), childrenOf(right)));
    if (both !== undefined) result[element] = both;
  }
  return result;
}

/** The part of the set that is `path` itself or below it. */
export function only(set: FieldSet, path: FieldPath): FieldSet {
  const [element, ...rest] = path;
  if (element === undefined) return set;
  const node = at(set, element);
  if (node === undefined) return leaf;
  if (rest.length === 0) return { [element]: node };
  const inner = only(childrenOf(node), rest);
  return isEmptySet(inner) ? leaf : { [element]: inner };
}

interface Node {
  member: boolean;
  readonly children: Map<string, Node>;
}

/** A set under construction: adding a field takes time by its depth, however many fields there are. */
export class FieldSetBuilder {
  readonly #root: Node = { member: false, children: new Map() };

  /** Adds one field; the root is left out. */
  add(path: FieldPath): void {
    let node = this.#root;
    for (const element of path) {
      const child = node.children.get(element) ?? { member: false, children: new Map() };
      node.children.set(element, child);
      node = child;
    }
    node.member = true;
  }

  get set(): FieldSet {
    return built(this.#root.children);
  }
}

function built(nodes: ReadonlyMap<string, Node>): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const [element, { member, children }] of nodes) {
    const node = nodeOf(member, built(children));
    if (node !== undefined) result[element] = node;
  }
  return result;
}

export function setOf(...paths: readonly FieldPath[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const path of paths) builder.add(path);
  return builder.set;
}

/** Every member: those of one level in order of their elements, then those below them. */
export function* members(set: FieldSet, prefix: FieldPath = []): Generator<FieldPath> {
  const elements = Object.keys(set)
    .filter((element) => element !== self)
    .sort();
  for (const element of elements) if (hasElement(set, element)) yield [...prefix, element];
  for (const element of elements) yield* members(below(set, element), [...prefix, element]);
}

/**
 * A set that came from outside, with its elements in canonical form. Kinds of elements that are not known are left
 * out, as upstream does. undefined when it is no set at all.
 */
export function parseFieldSet(value: unknown): FieldSet | undefined {
  if (!isRecord(value)) return undefined;
  const result: Record<string, FieldSet> = {};
  for (const [key, child] of Object.entries(value)) {
    const node = parseFieldSet(child);
    if (node === undefined) return undefined;
    if (key === self) {
      result[self] = leaf;
      continue;
    }
    const element = canonicalElement(key);
    if (element === undefined) return undefined;
    if (element !== '') result[element] = node;
  }
  return result;
}

/** '' for a kind of element that is not known; undefined for one that cannot be read. */
function canonicalElement(key: string): string | undefined {
  if (key[1] !== ':') return undefined;
  const kind = key[0];
  if (kind === 'f' || kind === 'i') return key;
  if (kind !== 'k' && kind !== 'v') return '';
  try {
    const value: unknown = JSON.parse(key.slice(2));
    if (kind === 'k' && !isRecord(value)) return undefined;
    return `${kind}:${canonicalJson(value)}`;
  } catch {
    return undefined;
  }
}
