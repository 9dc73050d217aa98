// Keys for a list of rows with tick boxes: j and k go down and up, x ticks. They work only while something in the list has the focus, so
// that nobody who dictates or types elsewhere sets them off (WCAG 2.1.4). Without this module the list works by Tab and Space.
const list = document.querySelector('[data-keys]');
if (list) {
  const rows = [...list.querySelectorAll('tbody tr')];
  const here = () => rows.findIndex((row) => row.contains(document.activeElement));
  const go = (index) => rows[Math.max(0, Math.min(rows.length - 1, index))]?.querySelector('a')?.focus();
  list.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches('input:not([type=checkbox]), textarea, select')) return;
    const at = here();
    if (event.key === 'j') go(at + 1);
    else if (event.key === 'k') go(at < 0 ? 0 : at - 1);
    else if (event.key === 'x' && at >= 0) {
      const box = rows[at].querySelector('input[type=checkbox]');
      if (!box) return;
      box.checked = !box.checked;
      box.dispatchEvent(new Event('change', { bubbles: true }));
    } else return;
    event.preventDefault();
  });
  // One box ticks all, and the number of ticked ones is said.
  const all = list.querySelector('[data-all]');
  const boxes = [...list.querySelectorAll('tbody input[type=checkbox]')];
  const count = document.querySelector('[data-count]');
  const tell = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    if (count) count.textContent = String(ticked);
    if (all) { all.checked = ticked > 0 && ticked === boxes.length; all.indeterminate = ticked > 0 && ticked < boxes.length; }
  };
  if (all) {
    all.closest('label').hidden = false;
    all.addEventListener('change', () => { for (const box of boxes) box.checked = all.checked; tell(); });
  }
  list.addEventListener('change', tell);
  tell();
}
