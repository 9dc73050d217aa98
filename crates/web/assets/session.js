// Says beforehand that a session is about to end, so that nobody loses what they are filling in (WCAG 2.2.1): after a time without a
// request, which one click prolongs, or at last. Without this module the session ends all the same.
const box = document.querySelector('[data-session]');
if (box) {
  const MINUTE = 60_000;
  const idle = Number(box.dataset.idle) * 1000;
  const end = Date.now() + Number(box.dataset.left) * 1000;
  let touched = Date.now();
  let state = '';
  // Other windows of this browser have the same session.
  const others = 'BroadcastChannel' in window ? new BroadcastChannel('misogi.session') : undefined;
  const touch = () => { touched = Date.now(); };
  // What was answered to whoever is signed in. Older browsers do not say with which status.
  const counts = (entry) => {
    const status = entry.responseStatus ?? 200;
    return status >= 200 && status < 300 && entry.redirectStart === 0 && !new URL(entry.name).pathname.startsWith('/assets/');
  };
  const element = (name, className, text) => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };
  const say = (next, ...parts) => {
    if (state === next) return;
    state = next;
    box.replaceChildren(...parts);
  };
  // Another session of this browser does not bring this page's back: its forms belong to the old one.
  const over = () => {
    const way = element('a', 'button slim', box.dataset.again);
    way.href = '/sign-in';
    // What is typed here stays to be copied.
    way.target = '_blank';
    way.rel = 'noopener';
    say('over', element('p', '', box.dataset.over), way);
  };
  const goOn = async () => {
    const answer = await fetch('/account', { method: 'HEAD', cache: 'no-store', credentials: 'same-origin' }).catch(() => undefined);
    if (!answer) return;
    if (!answer.ok || answer.redirected) { over(); return; }
    touch();
    others?.postMessage('touched');
    look();
  };
  const look = () => {
    if (state === 'over') return;
    const now = Date.now();
    const idles = touched + idle;
    if (Math.min(idles, end) <= now) {
      over();
    } else if (idles < end && idles - now <= 2 * MINUTE) {
      const button = element('button', 'slim', box.dataset.goOn);
      button.type = 'button';
      button.addEventListener('click', goOn);
      say('soon', element('p', '', box.dataset.soon), button);
    } else if (end - now <= 5 * MINUTE) {
      say('at-last', element('p', '', box.dataset.atLast));
    } else {
      say('');
    }
  };
  if (idle > 0 && end > Date.now()) {
    // What is put into it later is read out at once.
    box.setAttribute('role', 'alert');
    others?.addEventListener('message', touch);
    others?.postMessage('touched');
    // Requests of the page prolong the session, such as a question for progress.
    new PerformanceObserver((seen) => { if (seen.getEntries().some(counts)) touch(); }).observe({ type: 'resource' });
    setInterval(look, 5000);
    // A computer that slept is looked at when somebody comes back to it.
    document.addEventListener('visibilitychange', look);
  }
}
