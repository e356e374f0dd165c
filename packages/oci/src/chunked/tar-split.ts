// What rebuilds an archive from its files: https://github.com/vbatts/tar-split/blob/main/tar/storage/entry.go
// Readers expect one segment before each file: the padding of the file before, extended headers, and the header.
const segmentType = 2;
const fileType = 1;

/** Numbers the lines of one archive. */
export class TarSplitLines {
  #position = 0;

  /** Bytes that are no file's content. */
  segment(bytes: Uint8Array): string {
    return this.#line({ type: segmentType, payload: Buffer.from(bytes).toString('base64') });
  }

  /** An entry; `checksum` is the CRC-64 of a content that is not empty. */
  file(name: string, size: number, checksum: Uint8Array | undefined): string {
    if (checksum === undefined) return this.#line({ type: fileType, name, payload: null });
    return this.#line({ type: fileType, name, size, payload: Buffer.from(checksum).toString('base64') });
  }

  #line(fields: Record<string, unknown>): string {
    const position = this.#position;
    this.#position += 1;
    return `${JSON.stringify({ ...fields, position })}\n`;
  }
}
