import { finished } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';

/** A record of CSV, and the line of the file on which it starts. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** The text is not CSV. The message is a sentence without a subject. */
export class CsvFormatError extends Error {
  /** The line on which the record starts that is wrong. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Without a limit, a quote that nothing closes would read the rest of the file into memory. */
const MAX_RECORD_BYTES = 1_000_000;

/**
 * Parses CSV in each form that spreadsheets write: with any quoting, any line ends and any of three
 * delimiters. Yields the records that each piece completes.
 *
 * @param pieces the text, cut between characters.
 * @throws CsvFormatError
 */
export async function* parseCsv(
  pieces: AsyncIterable<string> | Iterable<string>,
): AsyncIterable<readonly CsvRecord[]> {
  let parser: RecordParser | null = null;
  let unread = '';
  for await (const piece of pieces) {
    unread += piece;
    if (parser === null) {
      const delimiter = findDelimiter(unread);
      if (delimiter === null) continue;
      parser = new RecordParser(delimiter);
    }
    yield await parser.write(unread);
    unread = '';
  }
  parser ??= new RecordParser(',');
  yield await parser.end(unread);
}

/**
 * Spreadsheets write a comma, or in countries with a decimal comma a semicolon, or a tab. The first of
 * them in the first line is that of the whole file. Null: more of the text is needed.
 */
function findDelimiter(text: string): string | null {
  const [, found] = /^(?:"[^"]*"|[^",;\t\r\n])*([,;\t\r\n])/.exec(text) ?? [];
  if (found === undefined) return text.length > MAX_RECORD_BYTES ? ',' : null;
  return found === '\r' || found === '\n' ? ',' : found;
}

/** What each error of the library means to somebody who saved the file in a spreadsheet. */
const PROBLEMS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed.',
  CSV_MAX_RECORD_SIZE: 'a quote is not closed.',
  CSV_INVALID_CLOSING_QUOTE: 'text follows a closing quote.',
  INVALID_OPENING_QUOTE: 'a quote is inside a field without quotes.',
};

class RecordParser {
  readonly #parser;
  #records: CsvRecord[] = [];
  /** The line on which the next record starts. The library counts a line end in quotes twice. */
  #line = 1;

  constructor(delimiter: string) {
    this.#parser = parse({
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      max_record_size: MAX_RECORD_BYTES,
      // Nothing is passed on, so that each piece of text is parsed when it is written.
      on_record: (fields: string[]) => {
        this.#take(fields);
        return null;
      },
    });
    this.#parser.on('error', () => {});
    this.#parser.resume();
  }

  /** Takes the next piece of text. Returns the records that it completes. */
  async write(text: string): Promise<CsvRecord[]> {
    await new Promise<void>((resolve, reject) => {
      this.#parser.write(text, (error) => {
        if (error) reject(this.#explain(error));
        else resolve();
      });
    });
    return this.#records.splice(0);
  }

  /** Takes the last piece of text. */
  async end(text: string): Promise<CsvRecord[]> {
    this.#parser.end(text);
    await finished(this.#parser).catch((error: unknown) => {
      throw this.#explain(error);
    });
    return this.#records.splice(0);
  }

  #take(fields: readonly string[]): void {
    this.#records.push({ line: this.#line, fields });
    const lineEnds = fields.join().match(/\r\n?|\n/g) ?? [];
    this.#line += 1 + lineEnds.length;
  }

  /** The library's own message quotes the text. */
  #explain(error: unknown): unknown {
    const problem = error instanceof CsvError ? PROBLEMS[error.code] : undefined;
    return problem === undefined ? error : new CsvFormatError(this.#line, problem);
  }
}
