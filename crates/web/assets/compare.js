// Keeps the two columns of a comparison at the same place: where one is scrolled, the other follows by share, since their sizes differ.
// Without this module each is scrolled by itself.
const panes = [...document.querySelectorAll('.compare .pane')];
if (panes.length === 2) {
  let led = null;
  let ends = 0;
  const share = (at, size, seen) => (size > seen ? at / (size - seen) : 0);
  for (const pane of panes) {
    const other = panes.find((one) => one !== pane);
    pane.addEventListener('scroll', () => {
      // What follows also scrolls; it must not lead at the same time.
      if (led && led !== pane) return;
      led = pane;
      clearTimeout(ends);
      ends = setTimeout(() => { led = null; }, 120);
      other.scrollTop = share(pane.scrollTop, pane.scrollHeight, pane.clientHeight) * (other.scrollHeight - other.clientHeight);
      other.scrollLeft = share(pane.scrollLeft, pane.scrollWidth, pane.clientWidth) * (other.scrollWidth - other.clientWidth);
    });
  }
}
