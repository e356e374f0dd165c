// CRC-64 with the ISO 3309 polynomial, reflected, all ones before and after: what tar-split keeps for each file
// (https://github.com/vbatts/tar-split/blob/main/tar/storage/getter.go, hash/crc64 of Go).

/** Reflected, upper half; the lower half is 0, and stays so for every entry of the table. */
const polynomial = 0xd8000000;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    const isOdd = (low & 1) === 1;
    low = (low >>> 1) | (high << 31);
    high = (high >>> 1) ^ (isOdd ? polynomial : 0);
  }
  return high;
});

export class Crc64 {
  #high = 0xffffffff;
  #low = 0xffffffff;

  update(bytes: Uint8Array): void {
    let high = this.#high;
    let low = this.#low;
    for (let index = 0; index < bytes.length; index += 1) {
      const mask = table[(low ^ (bytes[index] ?? 0)) & 0xff] ?? 0;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ mask;
    }
    this.#high = high;
    this.#low = low;
  }

  /** Eight bytes, big endian. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes;
  }
}
