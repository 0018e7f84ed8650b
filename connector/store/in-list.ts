// Lists of ids in a statement (`id in (?, ?, …)`): of a few lengths only, so that few texts have to be prepared.

const longest = 512;

/** The ids in pieces whose lengths are powers of two up to 512, filled up with their last id, which changes no answer. */
export function* inChunks(ids: readonly string[]): Generator<string[]> {
  for (let start = 0; start < ids.length; start += longest) {
    const chunk = ids.slice(start, start + longest);
    const length = 2 ** Math.ceil(Math.log2(chunk.length));
    yield [...chunk, ...Array<string>(length - chunk.length).fill(chunk.at(-1) ?? '')];
  }
}

/** `?, ?, ?` */
export function placeholders(count: number): string {
  return Array(count).fill('?').join(', ');
}
