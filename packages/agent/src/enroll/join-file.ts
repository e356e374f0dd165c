// A join file: what a host needs to join, for machines that nobody logs in to. It holds a secret until it is used up.
import { readFile, stat } from 'node:fs/promises';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import { writeDurable } from '../state/durable-file.ts';

const joinFileSchema = z.strictObject({
  /** `https://host:port`. */
  server: z.url({ protocol: /^https$/ }),
  /** Bootstrap token. */
  token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/),
  /** Pin of the server's authority; without one the system's trust store decides. */
  caHash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional(),
  /** PEM of the server's authority, where the server itself does not present it; there is no pin then. */
  ca: z
    .string()
    .regex(/^-----BEGIN CERTIFICATE-----/)
    .optional(),
  /** Of the node; the host's name unless given. */
  name: z.string().optional(),
  /** When the token ends, for people. */
  expires: z.iso.datetime().optional(),
});
export type JoinFile = z.infer<typeof joinFileSchema>;

export interface FoundJoinFile extends JoinFile {
  /** Others than its owner may read the token. */
  readonly isOpen: boolean;
}

const maxBytes = 64 << 10;
const othersMayRead = 0o044;

/** Throws JOIN_FILE_INVALID; no message has anything of the content. */
export async function readJoinFile(path: string): Promise<FoundJoinFile> {
  const [text, mode] = await contentOf(path);
  const parsed = joinFileSchema.safeParse(parse(text));
  if (parsed.success) return { ...parsed.data, isOpen: (mode & othersMayRead) !== 0 };
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'the file';
  throw invalid(path, `${field} is not as it should be (${issue?.code ?? 'unknown'})`);
}

/** For its owner alone. */
export async function writeJoinFile(path: string, file: JoinFile): Promise<void> {
  await writeDurable(path, `${JSON.stringify(joinFileSchema.parse(file), undefined, 2)}\n`, 0o600);
}

async function contentOf(path: string): Promise<[text: string, mode: number]> {
  try {
    const { mode, size } = await stat(path);
    if (size <= maxBytes) return [await readFile(path, 'utf8'), mode];
  } catch (cause) {
    throw invalid(path, cause instanceof Error ? cause.message : String(cause));
  }
  throw invalid(path, `it has more than ${maxBytes} bytes`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalid(path: string, problem: string): AgentError {
  return new AgentError(
    'JOIN_FILE_INVALID',
    `${path} is no join file: ${problem}; write one with \`varve node token --output-file\``,
  );
}
