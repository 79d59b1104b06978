import type { Child } from 'hono/jsx';

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** A row: what it is about, and a cell for each further column. */
export interface Row {
  readonly head: Child;
  /** True for a part of the row above. */
  readonly isPart?: boolean;
  readonly cells: readonly Child[];
}

interface TableProps {
  readonly caption: Child;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** A table that a screen reader can read aloud. Its first column names the rows. */
export function Table({ caption, columns, rows }: TableProps) {
  const styleOf = (index: number) => (columns[index]?.isNumber ? { class: 'number' } : {});
  return (
    <div class="table">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title }, index) => (
              <th scope="col" {...styleOf(index)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ head, isPart, cells }) => (
            <tr>
              <th scope="row" {...(isPart ? { class: 'part' } : {})}>
                {head}
              </th>
              {cells.map((cell, index) => (
                <td {...styleOf(index + 1)}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
