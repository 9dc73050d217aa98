// Makes the upload form kinder: a list of what was chosen, limits told before sending, and a drop area.
// Without this module the plain form does the same work.
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
  const show = () => {
    list.replaceChildren();
    let total = 0;
    chosen.forEach((file, index) => {
      total += file.size;
      const row = document.createElement('li');
      const name = document.createElement('span');
      name.className = 'name';
      name.textContent = file.name;
      const bytes = document.createElement('span');
      bytes.className = 'quiet';
      bytes.textContent = size(file.size);
      const remove = document.createElement('button');
      remove.type = 'button';
      remove.className = 'slim';
      remove.textContent = form.dataset.remove;
      remove.setAttribute('aria-label', `${form.dataset.remove}: ${file.name}`);
      remove.addEventListener('click', () => { chosen.splice(index, 1); keep(); show(); input.focus(); });
      row.append(name, bytes, remove);
      let problem = '';
      if (file.size > limits.bytes) problem = form.dataset.tooLarge;
      else if (index >= limits.files) problem = form.dataset.tooMany;
      else if (total > limits.total) problem = form.dataset.total;
      if (problem) {
        const line = document.createElement('span');
        line.className = 'over-limit';
        line.textContent = problem;
        row.append(line);
      }
      list.append(row);
    });
    heading.hidden = list.hidden = chosen.length === 0;
    said.textContent = chosen.length === 0 ? '' : `${form.dataset.chosen}: ${chosen.length}`;
  };
  const add = (files) => {
    for (const file of files) {
      if (!chosen.some((known) => known.name === file.name && known.size === file.size && known.lastModified === file.lastModified)) chosen.push(file);
    }
    keep();
    show();
  };
  input.addEventListener('change', () => { add([...input.files]); });
  for (const name of ['dragenter', 'dragover']) {
    area.addEventListener(name, (event) => { event.preventDefault(); area.classList.add('over'); });
  }
  for (const name of ['dragleave', 'drop']) {
    area.addEventListener(name, (event) => { event.preventDefault(); area.classList.remove('over'); });
  }
  area.addEventListener('drop', (event) => add([...event.dataTransfer.files]));
  form.addEventListener('submit', () => {
    // The button is only disabled after the form data was taken.
    setTimeout(() => { submit.disabled = true; submit.textContent = form.dataset.sending; said.textContent = form.dataset.sending; });
  });
  // Coming back with the browser's own button must find a form that works.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  area.classList.add('kind');
  area.querySelector('[data-drop-hint]').hidden = false;
  if (input.files.length > 0) add([...input.files]);
}
