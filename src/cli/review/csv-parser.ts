/** A record of CSV, and the line of the file on which it starts. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** The text is not CSV. The message is a sentence without a subject. */
export class CsvError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Spreadsheets write a comma, or in countries with a decimal comma a semicolon, or a tab. */
const DELIMITERS = [',', ';', '\t'];

/** Without a limit, a quote that nothing closes would read the rest of the file into memory. */
const MAX_RECORD = 1_000_000;

/**
 * Parses CSV piece by piece, in each form that spreadsheets write: with any quoting, any line ends and
 * any of three delimiters. The first delimiter is that of the whole file.
 */
export class CsvParser {
  #delimiter: string | null = null;
  #records: CsvRecord[] = [];
  #fields: string[] = [];
  #field = '';
  #size = 0;
  /** The line that is read, and that on which its record started. */
  #line = 1;
  #start = 1;
  #isQuoted = false;
  /** A quote ended the field, unless another quote follows. */
  #isClosed = false;
  #isAfterReturn = false;

  /**
   * Takes the next piece of text.
   *
   * @returns the records that it completes
   * @throws CsvError if it is not CSV
   */
  write(text: string): CsvRecord[] {
    for (const character of text) this.#take(character);
    const records = this.#records;
    this.#records = [];
    return records;
  }

  /**
   * Ends the text.
   *
   * @returns the last record, if no line end follows it
   * @throws CsvError if a quote is not closed
   */
  end(): CsvRecord[] {
    if (this.#isQuoted) throw this.#unclosed();
    if (this.#size > 0) this.#endRecord();
    const records = this.#records;
    this.#records = [];
    return records;
  }

  #take(character: string): void {
    const isLineFeed = character === '\n';
    const continuesLineEnd = isLineFeed && this.#isAfterReturn;
    this.#isAfterReturn = character === '\r';
    const endsLine = (isLineFeed || this.#isAfterReturn) && !continuesLineEnd;
    if (endsLine) this.#line += 1;
    if (this.#isQuoted) this.#takeQuoted(character);
    else if (endsLine) this.#endRecord();
    else if (!continuesLineEnd) this.#takeUnquoted(character);
  }

  #takeQuoted(character: string): void {
    if (character === '"') {
      this.#isQuoted = false;
      this.#isClosed = true;
    } else {
      this.#add(character);
    }
  }

  #takeUnquoted(character: string): void {
    this.#size += 1;
    if (this.#isDelimiter(character)) {
      this.#endField();
    } else if (character === '"' && (this.#isClosed || this.#field === '')) {
      // Two quotes within quotes stand for one.
      if (this.#isClosed) this.#field += '"';
      this.#isClosed = false;
      this.#isQuoted = true;
    } else if (this.#isClosed) {
      throw new CsvError(this.#line, 'text follows a closing quote.');
    } else {
      this.#add(character);
    }
  }

  #add(character: string): void {
    this.#field += character;
    this.#size += 1;
    if (this.#size > MAX_RECORD) throw this.#unclosed();
  }

  #isDelimiter(character: string): boolean {
    if (this.#delimiter === null && DELIMITERS.includes(character)) this.#delimiter = character;
    return character === this.#delimiter;
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#isClosed = false;
  }

  #endRecord(): void {
    this.#endField();
    this.#records.push({ line: this.#start, fields: this.#fields });
    this.#fields = [];
    this.#size = 0;
    this.#start = this.#line;
  }

  #unclosed(): CsvError {
    return new CsvError(this.#start, 'a quote is not closed.');
  }
}
