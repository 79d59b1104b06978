import type { Report } from '../report/report.ts';

/** Renders a report as one HTML page that loads nothing. It holds personal data. */
export async function renderReport(report: Report): Promise<string> {
  const { renderPage } = await import('../report/page.tsx');
  return renderPage(report);
}
