// Makes the upload form kinder: a list of what was chosen, limits told before sending, a drop area, and files that are sent in pieces, each
// with its own progress, and go on where they were when the connection comes back. Without this module the plain form does the same work.
const form = document.querySelector('form[data-upload]');
if (form) {
  const input = form.querySelector('input[type=file]');
  const area = form.querySelector('[data-drop]');
  const list = form.querySelector('[data-chosen]');
  const heading = form.querySelector('[data-chosen-heading]');
  const said = form.querySelector('[data-said]');
  const submit = form.querySelector('button[type=submit]');
  const limits = { bytes: Number(form.dataset.fileBytes), files: Number(form.dataset.files), total: Number(form.dataset.totalBytes) };
  let chosen = [];
  let sending = false;

  const size = (n) => {
    const units = ['B', 'KB', 'MB', 'GB'];
    let unit = 0;
    while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
    return `${unit === 0 || n >= 100 ? Math.floor(n) : n.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`;
  };
  const keep = () => {
    const data = new DataTransfer();
    chosen.forEach((file) => data.items.add(file));
    input.files = data.files;
  };
  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const show = () => {
    list.replaceChildren();
    let total = 0;
    chosen.forEach((file, index) => {
      total += file.size;
      const row = element('li');
      const remove = element('button', 'slim', form.dataset.remove);
      remove.type = 'button';
      remove.setAttribute('aria-label', `${form.dataset.remove}: ${file.name}`);
      remove.addEventListener('click', () => { chosen.splice(index, 1); keep(); show(); input.focus(); });
      row.append(element('span', 'name', file.name), element('span', 'quiet', size(file.size)), remove);
      let problem = '';
      if (file.size > limits.bytes) problem = form.dataset.tooLarge;
      else if (index >= limits.files) problem = form.dataset.tooMany;
      else if (total > limits.total) problem = form.dataset.total;
      if (problem) row.append(element('span', 'over-limit', problem));
      list.append(row);
    });
    heading.hidden = list.hidden = chosen.length === 0;
    said.textContent = chosen.length === 0 ? '' : `${form.dataset.chosen}: ${chosen.length}`;
  };
  const add = (files) => {
    if (sending) return;
    for (const file of files) {
      if (!chosen.some((known) => known.name === file.name && known.size === file.size && known.lastModified === file.lastModified)) chosen.push(file);
    }
    keep();
    show();
  };

  const pause = (millis, signal) => new Promise((resolve) => {
    setTimeout(resolve, millis);
    signal?.addEventListener('abort', resolve, { once: true });
  });
  const ask = (address, options) => fetch(address, { cache: 'no-store', credentials: 'same-origin', ...options });
  const isOver = (answer) => answer?.redirected || answer?.status === 401;
  const person = (page) => page.querySelector('header a[href="/account"]')?.textContent;
  const whoever = person(document);
  let returning;
  /**
   * Waits until whoever began has signed in again, in another window; what was chosen stays here. Several files wait for the same.
   * Somebody else who signs in finds a form of their own.
   */
  const signedInAgain = () => {
    if (!whoever) location.assign('/');
    returning ??= (async () => {
      const way = element('a', 'button slim', form.dataset.signIn);
      way.href = '/sign-in';
      way.target = '_blank';
      way.rel = 'noopener';
      const box = element('div', 'notice warn');
      box.setAttribute('role', 'alert');
      form.before(box);
      box.append(element('p', '', form.dataset.signedOut), way);
      for (;;) {
        await pause(2000);
        // Nobody signs in elsewhere while this window is in front of everything.
        if (document.visibilityState !== 'visible') continue;
        const account = await ask('/account', { method: 'HEAD' }).catch(() => undefined);
        if (!account?.ok || account.redirected) continue;
        const answer = await ask('/').catch(() => undefined);
        if (!answer?.ok) continue;
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        const token = page.querySelector('form[data-upload] [name=form_token]')?.value;
        if (person(page) !== whoever || !token) { location.assign('/'); return new Promise(() => {}); }
        form.elements.form_token.value = token;
        box.remove();
        returning = undefined;
        return undefined;
      }
    })();
    return returning;
  };
  /** Milliseconds after which to come again, where an answer says that it is busy; 0 for others. */
  const later = (answer) => ([429, 503].includes(answer?.status) ? Math.min(Number(answer.headers.get('Retry-After')) || 5, 60) * 1000 : 0);
  /** Sends one file piece by piece; the answer is the address of the result, or nothing when it was given up. */
  const send = async (file, address, row) => {
    const bar = element('progress');
    bar.max = file.size;
    bar.value = 0;
    bar.setAttribute('aria-label', file.name);
    const state = element('span', 'quiet', '0 %');
    const cancel = element('button', 'slim', form.dataset.cancel);
    cancel.type = 'button';
    cancel.setAttribute('aria-label', `${form.dataset.cancel}: ${file.name}`);
    const stop = new AbortController();
    cancel.addEventListener('click', () => stop.abort());
    row.querySelector('button')?.remove();
    row.append(bar, state, cancel);
    const piece = Math.min(8 << 20, Math.max(256 << 10, Math.ceil(file.size / 50)));
    let offset = 0;
    let failures = 0;
    let busy = 0;
    for (;;) {
      if (stop.signal.aborted) {
        await ask(address, { method: 'DELETE' }).catch(() => {});
        bar.remove();
        cancel.remove();
        state.textContent = form.dataset.cancelled;
        return undefined;
      }
      try {
        const body = file.slice(offset, offset + piece);
        const headers = { 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' };
        let answer = await ask(address, { method: 'PATCH', headers, body, signal: stop.signal });
        // Another piece came further than we knew: ask where to go on.
        const met = answer.status === 409;
        if (met) answer = await ask(address, { method: 'GET', signal: stop.signal });
        if (isOver(answer)) { await signedInAgain(); continue; }
        if ([400, 403, 404, 410, 413].includes(answer.status)) {
          bar.remove();
          cancel.remove();
          row.append(element('span', 'over-limit', form.dataset.broken));
          return undefined;
        }
        busy = later(answer);
        if (!answer.ok) throw new Error(`status ${answer.status}`);
        const standing = await answer.json();
        // It is still being read over a connection that broke: its end is waited for.
        if (met && standing.offset === offset && !standing.result) throw new Error('a piece is under way');
        failures = 0;
        offset = standing.offset;
        bar.value = offset;
        state.textContent = `${Math.floor((offset / file.size) * 100)} %`;
        if (standing.result) { cancel.remove(); return standing.result; }
      } catch {
        if (stop.signal.aborted) continue;
        failures += 1;
        if (failures > 60) { row.append(element('span', 'over-limit', form.dataset.broken)); return undefined; }
        state.textContent = busy > 0 ? form.dataset.busy : form.dataset.waiting;
        await pause(busy || Math.min(500 * failures, 5000), stop.signal);
        busy = 0;
        // How much of the piece arrived before the connection broke is known only there.
        const answer = await ask(address, { method: 'GET' }).catch(() => undefined);
        if (answer?.ok && !answer.redirected) offset = (await answer.json().catch(() => ({ offset }))).offset;
      }
    }
  };
  const sendAll = async () => {
    sending = true;
    submit.disabled = true;
    submit.textContent = said.textContent = form.dataset.sending;
    const files = chosen.map((file) => ({ name: file.name, size: file.size }));
    const headers = () => ({ 'Content-Type': 'application/json', 'X-Form-Token': form.elements.form_token.value });
    const body = JSON.stringify({ files, output: form.elements.output?.value ?? '', subject: form.elements.subject.value });
    const announce = () => ask('/uploads', { method: 'POST', headers: headers(), body }).catch(() => undefined);
    let answer = await announce();
    for (let tries = 0; later(answer) > 0 && tries < 3; tries += 1) {
      submit.textContent = said.textContent = form.dataset.busy;
      await pause(later(answer));
      answer = await announce();
    }
    // 403: whoever sends has signed in again in another window, and the form is of the session before.
    for (let tries = 0; whoever && (isOver(answer) || answer?.status === 403) && tries < 3; tries += 1) {
      await signedInAgain();
      answer = await announce();
    }
    // Whatever is in the way, the plain form is tried, and its answer says what is wrong.
    if (!answer?.ok) { form.submit(); return; }
    const accepted = (await answer.json()).files;
    const rows = [...list.children];
    let result;
    let refused = false;
    const todo = [];
    accepted.forEach(({ href, refused: why }, index) => {
      if (href) { todo.push([chosen[index], href, rows[index]]); return; }
      refused = true;
      rows[index].querySelector('button')?.remove();
      rows[index].querySelector('.over-limit')?.remove();
      rows[index].append(element('span', 'over-limit', why));
    });
    const next = async () => {
      for (let job = todo.shift(); job; job = todo.shift()) {
        const came = await send(...job);
        if (came) result = came; else refused = true;
      }
    };
    await Promise.all([next(), next()]);
    if (result && !refused) { location.assign(result); return; }
    said.textContent = form.dataset.someRefused;
    const lead = element('a', 'button primary large', result ? form.dataset.seeResult : form.dataset.again);
    lead.href = result ?? '/';
    submit.replaceWith(lead);
    lead.focus();
  };

  input.addEventListener('change', () => { add([...input.files]); });
  // Files may be dropped on the area, or anywhere in the window where somebody wishes so; this browser remembers it.
  const whole = form.querySelector('[data-whole] input');
  const WISH = 'misogi.drop.whole';
  const wish = {
    read: () => { try { return localStorage.getItem(WISH) === 'yes'; } catch { return false; } },
    write: (wished) => { try { if (wished) localStorage.setItem(WISH, 'yes'); else localStorage.removeItem(WISH); } catch { /* It holds for this visit. */ } },
  };
  whole.checked = wish.read();
  whole.addEventListener('change', () => wish.write(whole.checked));
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  const mine = (event) => carries(event) && (whole.checked || area.contains(event.target));
  for (const name of ['dragenter', 'dragover']) {
    addEventListener(name, (event) => {
      area.classList.toggle('over', mine(event));
      if (!carries(event)) return;
      // Outside of the area a file would replace the page, and with it what was chosen.
      event.preventDefault();
      event.dataTransfer.dropEffect = mine(event) ? 'copy' : 'none';
    });
  }
  addEventListener('dragleave', (event) => { if (!event.relatedTarget) area.classList.remove('over'); });
  addEventListener('drop', (event) => {
    area.classList.remove('over');
    if (!carries(event)) return;
    event.preventDefault();
    if (mine(event)) add([...event.dataTransfer.files]);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!sending) sendAll();
  });
  // Coming back with the browser's own button must find a form that works.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  if (input.files.length > 0) add([...input.files]);
}
