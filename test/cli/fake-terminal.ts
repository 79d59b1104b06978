/** A terminal that records its screen. It supports only the sequences that the display sends. */
export class FakeTerminal {
  readonly isTTY = true;
  columns: number;
  rows = 24;
  cursorHidden = false;
  #screen: string[] = [''];
  #row = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  /** The lines on the screen and above it, without the empty line of the cursor. */
  get lines(): string[] {
    return this.#screen.at(-1) === '' ? this.#screen.slice(0, -1) : this.#screen;
  }

  write(text: string): boolean {
    for (const [token] of text.matchAll(/\p{Cc}\[\??\d*[a-zA-Z]|[\s\S]/gu)) this.#act(token);
    return true;
  }

  #act(token: string): void {
    if (token === '\n') this.#down();
    else if (token === '\r') return;
    else if (token === '\u001b[?25l') this.cursorHidden = true;
    else if (token === '\u001b[?25h') this.cursorHidden = false;
    else if (token === '\u001b[J') this.#screen = [...this.#screen.slice(0, this.#row), ''];
    else if (/^\p{Cc}\[\d+A$/u.test(token)) this.#row -= Number.parseInt(token.slice(2), 10);
    else if (token.startsWith('\u001b'))
      throw new Error(`Unknown sequence ${JSON.stringify(token)}`);
    else this.#print(token);
  }

  #print(character: string): void {
    if ((this.#screen[this.#row] ?? '').length >= this.columns) this.#down();
    this.#screen[this.#row] = (this.#screen[this.#row] ?? '') + character;
  }

  #down(): void {
    this.#row += 1;
    this.#screen[this.#row] ??= '';
  }
}
