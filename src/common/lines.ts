/**
 * Cuts text into lines at line feeds alone, and gives the whole lines of each chunk. What follows the last
 * line feed is left out. (`readline` also cuts at U+2028, which names may hold.)
 */
export async function* cutLines(chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
}
