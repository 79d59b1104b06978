import { printable } from '../common/printable.ts';
import { formatCount } from '../common/text.ts';
import type { FieldValue, UserChange } from '../history/changes.ts';
import type { Moment } from '../model/history.ts';
import type { Listed } from '../model/report-source.ts';

/** The most characters of a value. Attributes can have 2,048. */
const MOST_CHARACTERS = 160;

interface TextProps {
  readonly value: string;
  /** True to show all of it, however long. */
  readonly isWhole?: boolean;
}

/**
 * A text of the pool: control and direction characters are escaped, and what remains cannot reorder
 * its surroundings.
 */
export function Text({ value, isWhole = false }: TextProps) {
  const text = printable(value);
  const isLong = !isWhole && text.length > MOST_CHARACTERS;
  // Not within a pair of surrogates.
  const start = text.slice(0, MOST_CHARACTERS).replace(/[\ud800-\udbff]$/, '');
  return <bdi>{isLong ? `${start}…` : text}</bdi>;
}

/** A message of the program, whole: what stands between backquotes is a command or a setting. */
export function Message({ value }: { readonly value: string }) {
  const parts = value.split(/`([^`\n]+)`/);
  return (
    <>
      {parts.map((part, index) =>
        index % 2 === 1 ? <code>{printable(part)}</code> : <Text value={part} isWhole />,
      )}
    </>
  );
}

/** A value of a field, before or after a change. */
export function ShortValue({ value }: { readonly value: FieldValue }) {
  if (value === null) return <span class="quiet">none</span>;
  return <Text value={typeof value === 'string' ? value : JSON.stringify(value)} />;
}

interface NamesProps {
  readonly values: readonly string[];
  readonly separator?: string;
}

/** Texts of the pool in a line. */
export function Names({ values, separator = ', ' }: NamesProps) {
  return (
    <>
      {values.map((value, index) => (
        <>
          {index > 0 ? separator : ''}
          <Text value={value} />
        </>
      ))}
    </>
  );
}

/** The status of a user. In a narrow column it breaks after its underscores alone. */
export function Status({ value }: { readonly value: string | null }) {
  if (value === null) return <span class="quiet">none</span>;
  const words = value.split(/(?<=_)/);
  return (
    <span class="status">
      {words.map((word, index) => (
        <>
          {index > 0 ? <wbr /> : null}
          <Text value={word} />
        </>
      ))}
    </span>
  );
}

/** A time in UTC, to the minute. */
export function Time({ at }: { readonly at: Date }) {
  const iso = at.toISOString();
  return <time datetime={iso}>{`${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`}</time>;
}

/** A snapshot by its time and id. */
export function Snapshot({ moment }: { readonly moment: Moment }) {
  return (
    <>
      <Time at={moment.snapshotAt} /> <code>{moment.snapshot}</code>
    </>
  );
}

/** A line of a list: the groups or users that somebody joined or left. Nothing if there are none. */
export function Moved({ verb, names }: { readonly verb: string; readonly names: Listed<string> }) {
  const rest = names.total - names.shown.length;
  if (names.total === 0) return null;
  return (
    <li>
      <span class="quiet">{verb}</span> <Names values={names.shown} />
      {rest > 0 ? <span class="quiet">{` and ${formatCount(rest)} more`}</span> : null}
    </li>
  );
}

/** The most groups of one user. */
const MOST_GROUPS = 20;

/** Lines of a list: the groups that a user left and joined. */
export function MovedGroups({ groups }: { readonly groups: UserChange['groups'] }) {
  const list = (names: readonly string[]) => ({
    total: names.length,
    shown: names.slice(0, MOST_GROUPS),
  });
  return (
    <>
      <Moved verb="left" names={list(groups.removed)} />
      <Moved verb="joined" names={list(groups.added)} />
    </>
  );
}
