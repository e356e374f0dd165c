// The last lines that the agent logged, in memory: where the control plane cannot reach a host, the host shows them when it
// is asked.
const maxLines = 200;
const maxLineLength = 2_000;

export class RecentLog {
  readonly #lines: string[] = [];

  /** Takes one line, as a log destination does. */
  write(line: string): void {
    const text = line.trimEnd();
    this.#lines.push(text.length > maxLineLength ? `${text.slice(0, maxLineLength)}...` : text);
    if (this.#lines.length > maxLines) this.#lines.shift();
  }

  /** The newest lines that fit into `length` characters, oldest first. */
  text(length: number): string {
    const kept: string[] = [];
    let size = 0;
    for (const line of this.#lines.toReversed()) {
      size += line.length + 1;
      if (size > length) break;
      kept.unshift(line);
    }
    return kept.join('\n');
  }
}
