// One measured figure beside its peer's, taken in the same run on the same machine, so that the ratio holds elsewhere.

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  /** The other way to do the same, measured in this run; absent where there is none. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** What the hardware allows and how it was found, such as `0.4 s: reading the bytes`. */
  readonly limit?: string;
}

/** A suite measures; it never judges. Progress goes to `report`, rows come back. */
export interface Suite {
  readonly description: string;
  run(report: (line: string) => void, signal: AbortSignal): Promise<Row[]>;
}

/** ours / peer; below 1 is better for times and sizes. */
export function ratioOf(row: Row): number | undefined {
  return row.peer === undefined || row.peer.value === 0 ? undefined : row.ours / row.peer.value;
}

export function formatRows(rows: readonly Row[]): string {
  const cells = [
    ['name', 'unit', 'ours', 'peer', 'ratio', 'limit'],
    ...rows.map((row) => [
      row.name,
      row.unit,
      row.ours.toFixed(2),
      row.peer === undefined ? '-' : `${row.peer.value.toFixed(2)} (${row.peer.name})`,
      ratioOf(row)?.toFixed(2) ?? '-',
      row.limit ?? '-',
    ]),
  ];
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
