// Asks the browser for a passkey, and sends what it answers with the page's own form. Without this module codes do the same.
const form = document.querySelector('form[data-passkey]');
if (form && window.isSecureContext && window.PublicKeyCredential) {
  const { challenge, site, known, person, name, service, failed } = form.dataset;
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const there = (known ?? '').split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: bytes(id) }));
  const said = form.querySelector('[data-said]');
  const create = () => navigator.credentials.create({
    publicKey: {
      challenge: bytes(challenge),
      rp: { id: site, name: service },
      user: { id: bytes(person), name, displayName: name },
      // ES256 and nothing else.
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      excludeCredentials: there,
      authenticatorSelection: { residentKey: 'discouraged', userVerification: 'discouraged' },
      attestation: 'none',
      timeout: 120_000,
    },
  });
  const get = () => navigator.credentials.get({
    publicKey: { challenge: bytes(challenge), rpId: site, allowCredentials: there, userVerification: 'discouraged', timeout: 120_000 },
  });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    said.textContent = '';
    try {
      const creating = form.dataset.passkey === 'create';
      const credential = await (creating ? create() : get());
      const answer = credential.response;
      const fields = form.elements;
      fields.namedItem('credential').value = hex(credential.rawId);
      fields.namedItem('client_data').value = hex(answer.clientDataJSON);
      fields.namedItem('authenticator_data').value = hex(creating ? answer.getAuthenticatorData() : answer.authenticatorData);
      if (creating) fields.namedItem('public_key').value = hex(answer.getPublicKey());
      else fields.namedItem('signature').value = hex(answer.signature);
      form.submit();
    } catch {
      said.textContent = failed;
    }
  });
  form.querySelector('button').hidden = false;
  form.querySelector('[data-none]')?.remove();
}
