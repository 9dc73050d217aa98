// Shows a password that was pasted while its button is pressed down. Without this module the field hides it as always.
const press = (button, shown) => {
  const field = document.getElementById(button.getAttribute('aria-controls'));
  field.type = shown ? 'text' : 'password';
  button.setAttribute('aria-pressed', String(shown));
};
addEventListener('click', (event) => {
  const button = event.target.closest?.('button[data-reveal]');
  if (button) press(button, button.getAttribute('aria-pressed') !== 'true');
});
// What is sent must not be kept by the browser as a text that was typed.
addEventListener('submit', (event) => { for (const button of event.target.querySelectorAll('button[data-reveal]')) press(button, false); });
document.getElementById('unlock-news')?.focus();
