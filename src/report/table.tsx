import type { Child } from 'hono/jsx';

/** A column: its title, and what it shows of each row. */
export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => Child;
  readonly isNumber?: boolean;
  /**
   * Where the title is seen: by default above the column, and before each cell of stacked rows.
   * `above` is for cells that explain themselves, `nowhere` for a title that is only read aloud.
   */
  readonly titleShown?: 'above' | 'nowhere';
}

interface TableProps<T> {
  readonly caption: Child;
  /** True if the caption is only read aloud, because what surrounds the table says the same. */
  readonly isCaptionHidden?: boolean;
  /** The cells of the first column name their rows. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** True if a phone shows the cells of a row below one another. */
  readonly isStacked?: boolean;
}

/** A table that a screen reader can read aloud. */
export function Table<T>({ caption, isCaptionHidden, columns, rows, isStacked }: TableProps<T>) {
  const [first, ...others] = columns;
  return (
    <div class="table">
      <table class={isStacked ? 'stacked' : undefined}>
        <caption class={isCaptionHidden ? 'hidden' : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber, titleShown }) => (
              <th scope="col" class={isNumber ? 'number' : undefined}>
                {titleShown === 'nowhere' ? <span class="hidden">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              <th scope="row">{first?.cell(row)}</th>
              {others.map(({ title, cell, isNumber, titleShown }) => (
                <td
                  data-title={isStacked && titleShown === undefined ? title : undefined}
                  class={isNumber ? 'number' : undefined}
                >
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
