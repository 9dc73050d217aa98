// Keeps the result page up to date while files are being rebuilt. Without this module a link and a timed reload do it.
const main = document.querySelector('[data-progress]');
if (main) {
  let wait = 700;
  let known = main.dataset.state;
  const later = () => setTimeout(look, wait);
  const look = async () => {
    try {
      const answer = await fetch(main.dataset.progress, { cache: 'no-store', credentials: 'same-origin' });
      if (answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        const state = await answer.json();
        if (state.state !== known) { known = state.state; wait = 700; await redraw(); }
        if (!state.pending) return;
      }
    } catch { /* The network is away for a moment: the next look tells. */ }
    wait = Math.min(wait * 1.3, 5000);
    later();
  };
  const redraw = async () => {
    const answer = await fetch(location.href, { cache: 'no-store', credentials: 'same-origin' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ['progress', 'files', 'pending']) {
      const fresh = page.getElementById(id);
      const old = document.getElementById(id);
      if (fresh && old) {
        // What the reader opened or closed stays so. By key, because finished files bring new sections between the old ones.
        const open = new Map([...old.querySelectorAll('details')].map((one) => [one.dataset.key, one.open]));
        for (const one of fresh.querySelectorAll('details')) one.open = open.get(one.dataset.key) ?? one.open;
        if (id === 'progress') { old.textContent = fresh.textContent; } else { old.replaceChildren(...fresh.childNodes); old.hidden = fresh.hidden; }
      }
    }
  };
  later();
}
