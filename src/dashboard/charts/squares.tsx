/** What a square can say: the states of a snapshot, and that there was none. */
export type SquareState =
  | 'archived'
  | 'published'
  | 'walking'
  | 'held'
  | 'failed'
  | 'discarded'
  | 'none';

/** One run, or one night without. */
export interface Square {
  readonly state: SquareState;
  /** What it stands for, in words, such as `29 Nov 2026: archived`. */
  readonly label: string;
  /** Null: no link. */
  readonly href: string | null;
}

/** The mark of each state within a square of 16 units, so that colour alone never tells the state. */
const MARKS: Record<SquareState, string> = {
  archived: 'M4,8.5L7,11.5L12,5',
  published: 'M4,10L7,6L9,10L12,6',
  walking: 'M4,8h1M7.5,8h1M11,8h1',
  held: 'M6,4.5V11.5M10,4.5V11.5',
  failed: 'M5,5L11,11M11,5L5,11',
  discarded: 'M4,8H12',
  none: '',
};

/** One square. Its text is in what surrounds it. */
export function StateMark({ state }: { readonly state: SquareState }) {
  return (
    <svg class={`square square-${state}`} viewBox="0 0 16 16" aria-hidden="true">
      <rect x="0.75" y="0.75" width="14.5" height="14.5" rx="2.5" />
      <path d={MARKS[state]} />
    </svg>
  );
}

/** Runs in a row, the newest right. Each is a link whose colour and shape tell its state. */
export function Squares({ squares, label }: { squares: readonly Square[]; label: string }) {
  return (
    <ol class="squares" aria-label={label}>
      {squares.map(({ state, label: text, href }) => (
        <li>
          {href === null ? (
            <span title={text}>
              <StateMark state={state} />
              <span class="hidden">{text}</span>
            </span>
          ) : (
            <a href={href} title={text}>
              <StateMark state={state} />
              <span class="hidden">{text}</span>
            </a>
          )}
        </li>
      ))}
    </ol>
  );
}
