/**
 * The script of live pages. It puts what the server renders in place of elements by their id, and does
 * nothing else: without it the pages show the state of their last load.
 */
export const CLIENT_SCRIPT = `
const RELOAD_MS = 30_000;
const waiting = new Map();

/** What has the focus is replaced once the focus has left it. */
const place = (id, html) => {
  const part = document.getElementById(id);
  if (part === null) return;
  if (part.contains(document.activeElement)) {
    waiting.set(id, html);
    return;
  }
  waiting.delete(id);
  part.innerHTML = html;
};
addEventListener('focusout', () => setTimeout(() => {
  for (const [id, html] of waiting) place(id, html);
}));

const source = new EventSource(document.body.dataset.events ?? '/events');
source.addEventListener('part', ({ data }) => {
  const { id, html } = JSON.parse(data);
  place(id, html);
});
/** The server is full, or the session ended: the page loads anew now and then instead. */
source.addEventListener('error', () => {
  if (source.readyState !== EventSource.CLOSED) return;
  const reload = () => {
    const isBusy = document.hidden || document.activeElement?.closest('main a, main button, main input');
    if (isBusy) setTimeout(reload, RELOAD_MS);
    else location.reload();
  };
  setTimeout(reload, RELOAD_MS);
});
addEventListener('pagehide', () => source.close());
`;
