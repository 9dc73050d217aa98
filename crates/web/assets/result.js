// Keeps the result page up to date while files are being rebuilt: by a stream of events, and by asking now and then where a proxy
// breaks that. Without this module a link and a timed reload do it.
const main = document.querySelector('[data-progress]');
if (main) {
  const { progress, events } = main.dataset;
  let known = main.dataset.state;
  let ahead = null;
  let wait = 700;
  let redrawing = Promise.resolve();
  const redraw = async () => {
    const answer = await fetch(location.href, { cache: 'no-store', credentials: 'same-origin' });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const id of ['progress', 'files', 'pending', 'all']) {
      const fresh = page.getElementById(id);
      const old = document.getElementById(id);
      if (fresh && old) {
        // What the reader opened or closed stays so. By key, because finished files bring new sections between the old ones.
        const open = new Map([...old.querySelectorAll('details')].map((one) => [one.dataset.key, one.open]));
        for (const one of fresh.querySelectorAll('details')) one.open = open.get(one.dataset.key) ?? one.open;
        // So does what is being typed.
        const typed = new Map([...old.querySelectorAll('input[id]')].map((one) => [one.id, one.value]));
        for (const one of fresh.querySelectorAll('input[id]')) one.value = typed.get(one.id) ?? one.value;
        const focus = old.contains(document.activeElement) ? document.activeElement.id : '';
        if (id === 'progress') { old.textContent = fresh.textContent; } else { old.replaceChildren(...fresh.childNodes); old.hidden = fresh.hidden; }
        if (focus) document.getElementById(focus)?.focus();
      }
    }
  };
  // Says whether there is more to come. Two redrawings never cross.
  const take = (state) => {
    for (const place of document.querySelectorAll('[data-file]')) {
      const pages = (state.pages ?? []).find((one) => String(one.file) === place.dataset.file);
      if (!pages) continue;
      const bar = place.querySelector('progress');
      bar.max = pages.of;
      bar.value = pages.done;
      place.querySelector('[data-count]').textContent = `${pages.done}/${pages.of}`;
      place.hidden = false;
    }
    if (state.state !== known || state.ahead !== ahead) {
      known = state.state;
      ahead = state.ahead;
      wait = 700;
      redrawing = redrawing.then(redraw, redraw);
    }
    return state.pending;
  };
  const look = async () => {
    try {
      const answer = await fetch(progress, { cache: 'no-store', credentials: 'same-origin' });
      if (answer.status === 404) { location.reload(); return; }
      if (answer.ok && !take(await answer.json())) return;
    } catch { /* The network is away for a moment: the next look tells. */ }
    wait = Math.min(wait * 1.3, 5000);
    setTimeout(look, wait);
  };
  const listen = () => {
    const stream = new EventSource(events);
    let heard = false;
    let failures = 0;
    // Some proxies hold a stream back until it ends: one that says nothing is given up.
    const silence = setTimeout(() => { if (!heard) { stream.close(); look(); } }, 4000);
    stream.addEventListener('progress', (event) => {
      heard = true;
      failures = 0;
      clearTimeout(silence);
      if (!take(JSON.parse(event.data))) stream.close();
    });
    stream.addEventListener('error', () => {
      failures += 1;
      // The gateway ends every stream after a while, and the browser opens the next by itself.
      if (stream.readyState === EventSource.CLOSED || failures > 3) {
        clearTimeout(silence);
        stream.close();
        setTimeout(look, wait);
      }
    });
  };
  if ('EventSource' in window) listen(); else look();
}
