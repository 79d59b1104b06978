import { MOST_SERIES, seriesClass } from './series.ts';

/**
 * The textures that tell areas apart without their colour. Each is a path in a square of eight units; the
 * first area has none.
 */
const TEXTURES = [
  null,
  'M-2,2L2,-2M0,8L8,0M6,10L10,6',
  'M0,4L8,4',
  'M2,2h1.5v1.5h-1.5zM6,6h1.5v1.5h-1.5z',
  'M4,0L4,8',
  'M0,0L8,8M8,0L0,8',
] as const;

/** The definitions of the textures of a chart with this id, for its first `count` series. */
export function PatternDefinitions({ id, count }: { id: string; count: number }) {
  return (
    <defs>
      {TEXTURES.slice(0, count).map((texture, index) =>
        texture === null ? null : (
          <pattern id={patternId(id, index)} width="8" height="8" patternUnits="userSpaceOnUse">
            <path class="chart-texture" d={texture} />
          </pattern>
        ),
      )}
    </defs>
  );
}

/** A rectangle or an area of a series: its colour, and its texture above. */
export function Textured({ id, index, d }: { id: string; index: number; d: string }) {
  return (
    <g class={seriesClass(index)}>
      <path class="chart-area" d={d} />
      {TEXTURES[index % MOST_SERIES] ? (
        <path d={d} fill={`url(#${patternId(id, index % MOST_SERIES)})`} />
      ) : null}
    </g>
  );
}

function patternId(id: string, index: number): string {
  return `${id}-texture-${index + 1}`;
}
