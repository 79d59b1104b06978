/** The style of the charts, in light and dark: `color-scheme` decides. Contrast to the page is at least 3:1. */
export const CHART_STYLES = `
:root {
  --series-1: light-dark(#1f5fbf, #7db1ff);
  --series-2: light-dark(#b4530a, #ffb066);
  --series-3: light-dark(#1d7a4c, #63d39a);
  --series-4: light-dark(#8a3ab9, #d2a1f5);
  --series-5: light-dark(#a31f4d, #ff94b4);
  --series-6: light-dark(#4f5b66, #b6c2cd);
  --chart-text: light-dark(#4a525c, #b4bdc7);
  --chart-rule: light-dark(#dde1e6, #343b44);
  --chart-texture: light-dark(#ffffff, #14171b);
}
.series-1 { color: var(--series-1); } .series-2 { color: var(--series-2); }
.series-3 { color: var(--series-3); } .series-4 { color: var(--series-4); }
.series-5 { color: var(--series-5); } .series-6 { color: var(--series-6); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem 2rem; }
.chart { margin: 0; min-width: 0; max-width: 46rem; }
.chart figcaption { font-weight: 600; margin-bottom: .25rem; }
.chart > svg { display: block; width: 100%; height: auto; }
.chart-axis text, .lane-label { fill: var(--chart-text); font-size: 11px; font-family: inherit; }
.lane-label { font-size: 10px; }
.chart-axis line { stroke: var(--chart-rule); stroke-width: 1; }
.chart-zero { stroke: var(--chart-text); stroke-width: 1; }
.chart-line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.chart-dot, .chart-area { fill: currentColor; stroke: none; }
.chart-texture { fill: none; stroke: var(--chart-texture); stroke-width: 1.5; }
.chart-legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0 0 .25rem; padding: 0; list-style: none; font-size: .85rem; }
.chart-legend li { display: flex; align-items: center; gap: .4rem; min-width: 0; overflow-wrap: anywhere; }
.chart-legend svg { flex: none; width: 24px; height: 12px; }
.chart-empty { margin: 0; color: var(--chart-text); }
.chart details { font-size: .85rem; }
.chart summary { cursor: pointer; padding: .25rem 0; min-height: 24px; color: var(--chart-text); }
.chart-values { overflow: auto; max-height: 20rem; }
.chart-values .table { overflow: visible; }
.chart-values table { width: auto; }
.chart-values td { text-align: right; font-variant-numeric: tabular-nums; }
.sparkline { display: block; width: 7.5rem; height: 1.75rem; }
.squares { display: flex; flex-wrap: wrap; gap: 0; margin: 0; padding: 0; list-style: none; }
.squares li > * { display: grid; place-items: center; width: 24px; height: 24px; border-radius: 4px; }
.square { width: 16px; height: 16px; vertical-align: -.2em; }
.square rect { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
.square path { fill: none; stroke: var(--chart-texture); stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.square-archived, .square-published { color: var(--series-3); }
.square-walking { color: var(--series-1); }
.square-held { color: var(--series-2); }
.square-failed { color: var(--series-5); }
.square-discarded, .square-none { color: var(--series-6); }
.square-discarded rect, .square-none rect { fill: none; stroke-dasharray: 2.5 2; }
.square-discarded path { stroke: currentColor; }
.lane-reading { fill: var(--series-1); }
.lane-waiting { fill: var(--series-2); }
.lane-gap { stroke: var(--chart-text); stroke-width: 1.5; stroke-dasharray: 2 3; }
.lane-restart { fill: var(--series-5); stroke: var(--chart-texture); stroke-width: 1; }
.lane-open { fill: none; stroke: var(--series-1); stroke-width: 2; }
.share { display: block; min-width: 4rem; width: 100%; height: .5rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2rem; }
.columns section { min-width: 0; }
.inline { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 1rem; padding: 0; list-style: none; }
.inline a { display: inline-block; padding: .2rem 0; }
.inline a[aria-current] { color: inherit; font-weight: 600; }
`;
