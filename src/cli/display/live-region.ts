import { MARKS, measureWidth } from './text-width.ts';

/** The parts of a terminal that a live region uses; `process.stderr` has them. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_BELOW = '\u001b[J';

/** The size of a terminal that reports none, or 0 as under `kubectl exec`. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * Lines at the bottom of a terminal that are redrawn in place. Other text that is written to the
 * stream appears above them.
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
      this.#writeRaw(this.#eraseSequence());
      const accepted = this.#write(...args);
      this.#writeRaw(joinLines(this.#lines));
      return accepted;
    };
    this.#writeRaw(HIDE_CURSOR);
    // Restores the cursor however the process ends.
    process.once('exit', this.#restore);
  }

  /** The width of a line that does not wrap. Some terminals wrap when the last column is filled. */
  get columns(): number {
    return (this.#terminal.columns || DEFAULT_COLUMNS) - 1;
  }

  /** Replaces the lines. Lines that do not fit on the screen are counted in a last line. */
  draw(lines: readonly string[]): void {
    const most = Math.max(1, (this.#terminal.rows || DEFAULT_ROWS) - 1);
    const shown = [...lines];
    let left = 0;
    while (shown.length > 0 && this.#countRows(shown) + (left > 0 ? 1 : 0) > most) {
      shown.pop();
      left += 1;
    }
    if (left > 0) shown.push(`  ${MARKS.more} ${left} more lines`);
    const erase = this.#eraseSequence();
    this.#lines = shown;
    this.#writeRaw(erase + joinLines(shown));
  }

  /** Leaves the last lines on the screen and releases the terminal. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    process.off('exit', this.#restore);
    this.#terminal.write = this.#write;
    this.#writeRaw(SHOW_CURSOR);
  }

  /** Moves the cursor to the start of the region. A narrower terminal has wrapped its lines. */
  #eraseSequence(): string {
    const rows = this.#countRows(this.#lines);
    return rows === 0 ? '' : `\u001b[${rows}A\r${ERASE_BELOW}`;
  }

  /** Lines with a command are never cut, so they can occupy several rows. */
  #countRows(lines: readonly string[]): number {
    const columns = this.#terminal.columns || DEFAULT_COLUMNS;
    return lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(measureWidth(line) / columns)),
      0,
    );
  }

  #writeRaw(text: string): void {
    if (text !== '') this.#write(text);
  }
}

function joinLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
