/** The style of the page: one column that a phone, a screen in light or dark, and paper can show. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --text: #1d2126; --quiet: #5b6470; --rule: #dde1e6; --tint: #f5f7f9;
  --yes: #17724a; --no: #b3261e; --unknown: #855300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --text: #e4e7eb; --quiet: #9aa4b0; --rule: #2d333b; --tint: #1c2026;
    --yes: #5cc98f; --no: #ff8f85; --unknown: #e8b860;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 58rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3 { line-height: 1.25; font-weight: 650; text-wrap: balance; }
h1 { margin: 0 0 .25rem; font-size: 2rem; letter-spacing: -.015em; }
h2 { margin: 3.5rem 0 .75rem; padding-top: 1.25rem; border-top: 1px solid var(--rule); font-size: 1.3rem; }
h3 { margin: 2rem 0 .5rem; font-size: 1.02rem; }
p { margin: .5rem 0; max-width: 44rem; }
a { color: inherit; text-underline-offset: .2em; text-decoration-color: var(--quiet); }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .88em; }
pre {
  margin: .5rem 0 1rem; padding: .75rem 1rem; border-radius: 6px;
  background: var(--tint); font-size: .84rem; line-height: 1.5; white-space: pre-wrap;
}
pre code { font-size: inherit; }
.kind { margin: 0 0 .5rem; color: var(--quiet); }
.quiet, .none { color: var(--quiet); }
.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 1.25rem 0 0;
}
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; }
.verdict {
  display: grid; grid-template-columns: repeat(3, 1fr); gap: 1rem;
  margin: 2.5rem 0 0; padding: 0; border: 0;
}
.judgement { padding: 1.1rem 1.25rem 1.2rem; border-radius: 8px; background: var(--tint); border-top: 3px solid; }
.judgement h2 { margin: 0; padding: 0; border: 0; font-size: .95rem; font-weight: 500; color: var(--quiet); }
.judgement .answer { margin: .1rem 0 .5rem; font-size: 1.6rem; font-weight: 650; line-height: 1.2; }
.judgement .why { margin: 0; font-size: .9rem; line-height: 1.5; color: var(--text); }
.yes { border-color: var(--yes); } .yes .answer { color: var(--yes); }
.no { border-color: var(--no); } .no .answer { color: var(--no); }
.unknown { border-color: var(--unknown); } .unknown .answer { color: var(--unknown); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 2rem 0 0; padding: 0; list-style: none; font-size: .92rem; }
.table { overflow-x: auto; }
table { width: 100%; margin: .25rem 0 .5rem; border-collapse: collapse; font-size: .92rem; line-height: 1.45; }
caption { padding: .25rem 0 .5rem; text-align: left; color: var(--quiet); font-size: .92rem; }
th, td { padding: .5rem 1.25rem .5rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom-color: var(--quiet); color: var(--quiet); font-size: .84rem; font-weight: 500; vertical-align: bottom; }
tbody th { min-width: 9rem; width: 42%; font-weight: 600; }
td { min-width: 4.5rem; }
.part { display: block; padding-left: 1.25rem; font-weight: 400; }
td small, th small { display: block; color: var(--quiet); font-size: .92em; font-weight: 400; }
.number { width: 1%; min-width: 0; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th { overflow-wrap: normal; }
.status { overflow-wrap: normal; }
td.number:last-child, th.number:last-child { padding-right: 0; }
.plain { margin: 0; padding: 0; list-style: none; }
.limits li, .steps li { margin: .4rem 0; max-width: 44rem; }
.steps li { max-width: none; }
footer { margin-top: 3.5rem; padding-top: 1.25rem; border-top: 1px solid var(--rule); color: var(--quiet); font-size: .88rem; }
@media (max-width: 44rem) {
  body { padding: 1.75rem 1.1rem 3rem; }
  h1 { font-size: 1.6rem; }
  h2 { margin-top: 2.5rem; }
  .verdict { grid-template-columns: 1fr; gap: .75rem; margin-top: 1.75rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
  th, td { padding-right: .75rem; }
  table { font-size: .88rem; }
  thead .number { white-space: normal; }
}
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --quiet: #444; --rule: #bbb; --tint: #fff;
    --yes: #000; --no: #000; --unknown: #000;
  }
  @page { margin: 18mm 16mm; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; }
  th, td { padding-top: .3rem; padding-bottom: .3rem; }
  h2 { margin-top: 1.75rem; }
  h2, h3, h3 + p, caption { break-after: avoid; }
  /* Else the border of the last card is cut. */
  .verdict { margin-top: 1.25rem; padding-right: 1px; }
  .judgement { border: 1px solid var(--rule); padding: .75rem; border-radius: 0; }
  .judgement, tr, pre, .facts { break-inside: avoid; }
  pre { border: 1px solid var(--rule); border-radius: 0; }
  thead { display: table-header-group; }
  .table { overflow: visible; }
  nav { display: none; }
}
`;
