// The merged view of an image's layers: what a container, or a host, sees. Kept without contents: a few hundred bytes a file.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md
import { BuildError } from '../error.ts';

/** What is compared of a path. Times are left out: rebuilding a package changes them all. */
export interface FileFacts {
  readonly type: 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo';
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** SHA-256 of a file's content, or the target of a symbolic link. */
  readonly content: string;
  /** Extended attributes, as one comparable text. */
  readonly xattrs: string;
}

interface Node {
  /** Undefined for a directory that no layer has an entry for. */
  facts: FileFacts | undefined;
  /** The layer that touched the node last. Whiteouts hide only what lower layers have. */
  layer: number;
  readonly children: Map<string, Node>;
}

/** Ten times what a large image has, and the kernel's limits of names: bounds on the memory that a hostile image takes. */
const maximumNodes = 1_000_000;
const maximumPath = 4096;
const maximumName = 255;

export class FileTree {
  readonly #root: Node;
  #layer: number;
  #nodes: number;

  constructor(root: Node = emptyNode(0), layer = 0, nodes = 0) {
    this.#root = root;
    this.#layer = layer;
    this.#nodes = nodes;
  }

  /** What is added from now on lies above everything added before. */
  startLayer(): void {
    this.#layer += 1;
  }

  /** @throws BuildError IMAGE_UNREADABLE for an image of millions of files, or with names that no file system takes */
  add(path: string, facts: FileFacts): void {
    const node = this.#reach(path);
    if (facts.type !== 'directory' || (node.facts !== undefined && node.facts.type !== 'directory')) {
      node.children.clear();
    }
    node.facts = facts;
    node.layer = this.#layer;
  }

  /** Hides what lower layers have at `path` and below. */
  remove(path: string): void {
    const { parent, name } = this.#parentOf(path);
    const node = parent?.children.get(name);
    if (parent !== undefined && node !== undefined && this.#hide(node)) parent.children.delete(name);
  }

  /** Hides what lower layers have below `path`. */
  clear(path: string): void {
    const node = this.#find(path);
    if (node !== undefined) this.#hideChildren(node);
  }

  get(path: string): FileFacts | undefined {
    return this.#find(path)?.facts;
  }

  /** Names of what lies in a directory. */
  list(path: string): Iterable<string> {
    return this.#find(path)?.children.keys() ?? [];
  }

  /** The same tree, to which other layers can be added. */
  clone(): FileTree {
    return new FileTree(cloneNode(this.#root), this.#layer, this.#nodes);
  }

  /** All paths with an entry, parents before what they hold, sorted. */
  *entries(): Generator<[path: string, facts: FileFacts], void, undefined> {
    yield* walk(this.#root, '');
  }

  #reach(path: string): Node {
    if (path === '') return this.#root;
    if (path.length > maximumPath) throw tooLong(path);
    let node = this.#root;
    for (const name of path.split('/')) {
      let child = node.children.get(name);
      if (child === undefined) {
        if (name.length > maximumName) throw tooLong(path);
        this.#nodes += 1;
        if (this.#nodes > maximumNodes) throw tooMany();
        child = emptyNode(this.#layer);
        node.children.set(name, child);
      }
      node = child;
    }
    return node;
  }

  #find(path: string): Node | undefined {
    if (path === '') return this.#root;
    let node: Node | undefined = this.#root;
    for (const name of path.split('/')) node = node?.children.get(name);
    return node;
  }

  #parentOf(path: string): { parent: Node | undefined; name: string } {
    const slash = path.lastIndexOf('/');
    return { parent: this.#find(path.slice(0, Math.max(slash, 0))), name: path.slice(slash + 1) };
  }

  /** Whether nothing of the present layer is left in the node. */
  #hide(node: Node): boolean {
    this.#hideChildren(node);
    if (node.layer === this.#layer) return false;
    node.facts = undefined;
    return node.children.size === 0;
  }

  #hideChildren(node: Node): void {
    for (const [name, child] of node.children) {
      if (this.#hide(child)) node.children.delete(name);
    }
  }
}

function tooMany(): BuildError {
  const message = `the image has more than ${maximumNodes} files, too many to compare; split it`;
  return new BuildError('IMAGE_UNREADABLE', message);
}

function tooLong(path: string): BuildError {
  const shown = JSON.stringify(path.slice(0, 100));
  return new BuildError(
    'IMAGE_UNREADABLE',
    `the image has a path that is too long, ${shown}…; build it again without it`,
  );
}

function emptyNode(layer: number): Node {
  return { facts: undefined, layer, children: new Map() };
}

function cloneNode({ facts, layer, children }: Node): Node {
  return { facts, layer, children: new Map([...children].map(([name, child]) => [name, cloneNode(child)])) };
}

function* walk(node: Node, path: string): Generator<[string, FileFacts], void, undefined> {
  if (node.facts !== undefined) yield [path, node.facts];
  for (const name of [...node.children.keys()].sort()) {
    const child = node.children.get(name);
    if (child !== undefined) yield* walk(child, path === '' ? name : `${path}/${name}`);
  }
}
