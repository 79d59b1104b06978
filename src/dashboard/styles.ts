import { CHART_STYLES } from './charts/styles.ts';

/** The style of all pages, in light and dark. Colours of states have shapes beside them. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1d2126; --quiet: #57606b; --rule: #dde1e6; --tint: #f5f7f9; --link: #1f5fa8;
  --good: #17724a; --bad: #b3261e; --warn: #855300; --run: #1f5fa8; --none: #8a939e;
  --button: #1f5fa8; --button-text: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --text: #e4e7eb; --quiet: #9aa4b0; --rule: #2d333b; --tint: #1c2026; --link: #7db4f0;
    --good: #5cc98f; --bad: #ff8f85; --warn: #e8b860; --run: #7db4f0; --none: #6d7682;
    --button: #7db4f0; --button-text: #10151b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 0 1.5rem 4rem; max-width: 80rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; top: .5rem; padding: .5rem 1rem; background: var(--page); }
.skip:focus { left: 1rem; z-index: 1; }
.top {
  display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.75rem;
  padding: .9rem 0; border-bottom: 1px solid var(--rule);
}
.brand { margin: 0; font-weight: 650; letter-spacing: -.01em; }
.top nav { flex: 1; }
.top nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none; }
.top nav a { display: inline-block; padding: .2rem 0; color: var(--quiet); text-decoration: none; border-bottom: 2px solid transparent; }
.top nav a:hover { color: var(--text); }
.top nav a[aria-current] { color: var(--text); border-color: currentColor; }
.leave { display: flex; align-items: center; gap: 1rem; margin: 0; font-size: .92rem; }
.trail { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1.5rem 0 -1.25rem; padding: 0; list-style: none; font-size: .92rem; }
.trail li + li::before { content: "/"; margin-right: .5rem; color: var(--quiet); }
h1, h2, h3 { line-height: 1.25; font-weight: 650; text-wrap: balance; }
h1 { margin: 1.75rem 0 1rem; font-size: 1.7rem; letter-spacing: -.015em; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; }
h3 { margin: 1.5rem 0 .5rem; font-size: 1.02rem; }
p { margin: .5rem 0; max-width: 46rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .9em; }
pre { margin: .5rem 0 1rem; padding: .75rem 1rem; border-radius: 6px; background: var(--tint); font-size: .88rem; white-space: pre-wrap; }
.quiet, .none { color: var(--quiet); }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); } .run { color: var(--run); }
small { font-size: .86em; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1rem 0; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.table { overflow-x: auto; }
table { width: 100%; margin: .25rem 0 .5rem; border-collapse: collapse; font-size: .94rem; line-height: 1.45; }
caption { padding: .25rem 0 .5rem; text-align: left; color: var(--quiet); font-size: .92rem; }
th, td { padding: .6rem 1.25rem .6rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom-color: var(--quiet); color: var(--quiet); font-size: .86rem; font-weight: 500; vertical-align: bottom; overflow-wrap: normal; }
tbody th { font-weight: 600; }
td small, th small { display: block; color: var(--quiet); font-weight: 400; }
.number { width: 1%; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.whole { white-space: nowrap; }
.status, .words { overflow-wrap: normal; }
.plain { margin: 0; padding: 0; list-style: none; }
.card { margin: 0 0 1rem; padding: 1rem 1.25rem; border-radius: 8px; background: var(--tint); border-left: 4px solid var(--rule); }
.card h3 { margin-top: 0; }
.card.held { border-left-color: var(--warn); } .card.running { border-left-color: var(--run); }
.notice { margin: 1rem 0; padding: .75rem 1.1rem; border-radius: 6px; background: var(--tint); color: var(--text); border-left: 4px solid var(--rule); }
.notice.good { border-left-color: var(--good); } .notice.bad { border-left-color: var(--bad); } .notice.note { border-left-color: var(--run); }
.notice p:first-child { margin-top: 0; } .notice p:last-child { margin-bottom: 0; }
button, .button {
  display: inline-block; min-height: 2.5rem; padding: .4rem 1.1rem; border: 1px solid var(--button); border-radius: 6px;
  background: var(--button); color: var(--button-text); font: inherit; line-height: 1.5; text-decoration: none; cursor: pointer;
}
button:hover, .button:hover { filter: brightness(1.1); }
.button.second, button.second { background: transparent; color: var(--link); }
button.danger { background: transparent; border-color: var(--bad); color: var(--bad); }
.plain-button { min-height: 0; padding: .2rem 0; border: 0; background: none; color: var(--link); text-decoration: underline; text-underline-offset: .2em; }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: 1rem 0 0; }
.actions form { margin: 0; }
label { display: block; margin: 0 0 .3rem; font-weight: 550; }
input:not([type=hidden]), select, textarea {
  width: 100%; max-width: 26rem; min-height: 2.5rem; padding: .4rem .7rem; border: 1px solid var(--none); border-radius: 6px;
  background: var(--page); color: var(--text); font: inherit;
}
input[type=checkbox], input[type=radio] { width: auto; min-height: 0; }
.field { margin: 0 0 1rem; }
.search { display: flex; flex-wrap: wrap; gap: 0 1.25rem; align-items: start; }
.field small { display: block; }
.search .wide { flex: 1 1 20rem; } .search .wide input { max-width: none; }
.search .actions { margin: 1.85rem 0 0; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
progress { width: 100%; max-width: 26rem; height: .6rem; accent-color: var(--run); }
@media (min-width: 76rem) { .pools .squares { width: 720px; } }
@media (max-width: 52rem) {
  .top nav { flex: 1 1 100%; order: 1; }
  .leave { margin-left: auto; }
  body { padding: 0 1rem 3rem; }
  h1 { font-size: 1.4rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
  /* Rows become blocks: nothing is cut and nothing scrolls sideways. */
  table.stacked caption { display: block; }
  table.stacked thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.stacked, table.stacked tbody, table.stacked tr, table.stacked th, table.stacked td { display: block; width: auto; text-align: left; }
  table.stacked tr { padding: .75rem 0; border-bottom: 1px solid var(--rule); }
  table.stacked th, table.stacked td { padding: .2rem 0; border: 0; }
  table.stacked td[data-title]::before { content: attr(data-title) ": "; color: var(--quiet); }
}
${CHART_STYLES}`;

/** The icon in the browser's tab. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<rect x="1" y="3" width="6" height="10" rx="1" fill="#1f5fa8"/>
<rect x="9" y="3" width="6" height="10" rx="1" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>
</svg>`;
