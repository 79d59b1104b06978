import { MARKS } from './format.ts';
import { measureWidth } from './text-width.ts';

/** What a live region needs of a terminal; `process.stderr` is one. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_BELOW = '\u001b[J';

/** The size of a terminal that does not tell, or says 0 as those of `kubectl exec` do. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * Lines at the bottom of a terminal that are drawn again and again in place. Whatever else is
 * written to the stream meanwhile appears above them.
 */
export class LiveRegion {
  readonly #terminal: Terminal;
  readonly #write: Terminal['write'];
  readonly #restore = () => this.close();
  #lines: readonly string[] = [];
  #closed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#write = terminal.write.bind(terminal);
    terminal.write = (...args: Parameters<Terminal['write']>) => {
      this.#raw(this.#erasure());
      const took = this.#write(...args);
      this.#raw(frame(this.#lines));
      return took;
    };
    this.#raw(HIDE_CURSOR);
    // However the process ends, the person gets the cursor back.
    process.once('exit', this.#restore);
  }

  /** The widest line that does not wrap: some terminals wrap when the last column is filled. */
  get columns(): number {
    return (this.#terminal.columns || DEFAULT_COLUMNS) - 1;
  }

  /** Draws these lines in place of the last; those that do not fit on the screen are counted. */
  draw(lines: readonly string[]): void {
    const most = Math.max(1, (this.#terminal.rows || DEFAULT_ROWS) - 1);
    const shown = [...lines];
    let left = 0;
    while (shown.length > 0 && this.#rowsOf(shown) + (left > 0 ? 1 : 0) > most) {
      shown.pop();
      left += 1;
    }
    if (left > 0) shown.push(`  ${MARKS.more} ${left} more lines`);
    const erasure = this.#erasure();
    this.#lines = shown;
    this.#raw(erasure + frame(shown));
  }

  /** Leaves the last lines on the screen and gives the terminal back. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off('exit', this.#restore);
    this.#terminal.write = this.#write;
    this.#raw(SHOW_CURSOR);
  }

  /** What brings the cursor to the region's start: a terminal made narrower has wrapped its lines. */
  #erasure(): string {
    const rows = this.#rowsOf(this.#lines);
    return rows === 0 ? '' : `\u001b[${rows}A\r${ERASE_BELOW}`;
  }

  /** A command to paste is never cut, and may take several rows. */
  #rowsOf(lines: readonly string[]): number {
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    return lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(measureWidth(line) / columns)),
      0,
    );
  }

  #raw(text: string): void {
    if (text !== '') this.#write(text);
  }
}

function frame(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
