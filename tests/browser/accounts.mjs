// Walks through a portal for those with an account: an administrator makes one, a member of staff uses it. `./run` starts the gateway
// and sets what flow.mjs describes.
import fs from 'node:fs';
import path from 'node:path';
import { admin, begin, end, enrol, expect, fill as fillOf, own, person, portal, register, send, step as stepOf, submit as submitOf, text as textOf, trouble, until } from './walk.mjs';

const out = await begin('accounts');
const page = await person();
const context = page.context();
const step = (name, work) => stepOf(page, name, work);
const fill = (fields) => fillOf(page, fields);
const submit = () => submitOf(page);
const text = () => textOf(page);

const staff = { name: 'shokuin-a', address: 'a@city.example.lg.jp', password: 'another long password', temporary: '' };

await step('the portal asks for sign-in', async () => {
  await page.goto(`${portal}/`);
  expect(new URL(page.url()).pathname === '/sign-in', page.url());
});
await step('the administrator enrols', () => enrol(page));
await step('a passkey is registered', async () => {
  // An authenticator inside the browser, which needs nobody's finger.
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  await page.goto(`${admin}/account/passkeys`);
  await page.fill('#name', '執務室の端末');
  await submit();
  await page.locator('tbody tr', { hasText: '執務室の端末' }).waitFor();
});
await step('and stands for the code', async () => {
  await page.click('header form button');
  await fill({ name: own.name, password: own.password });
  await submit();
  await page.waitForURL(`${admin}/sign-in/code`);
});
await step('at sign-in', async () => {
  await page.click('form[data-passkey] button');
  await page.waitForURL(`${admin}/`);
});
await step('a key for a program', async () => {
  await page.goto(`${admin}/account/keys`);
  await page.fill('#name', '文書管理システム');
  await page.check('input[name=quarantine]');
  await submit();
  const key = await page.locator('#key').innerText();
  const asked = async (bearer) => (await fetch(`${admin}/api/v1/quarantine`, { headers: { Authorization: `Bearer ${bearer}` } })).status;
  expect(await asked(key) === 200 && await asked(`${key.slice(0, -1)}x`) === 401, 'the key does not work');
});
await step('the interface for programs', async () => { await page.goto(`${admin}/api/v1/docs`); });
await step('a member of staff is registered', async () => {
  staff.temporary = await register(page, { name: staff.name, address: staff.address });
});
await step('staff must change the password', async () => {
  await page.goto(`${portal}/history`);
  await fill({ name: staff.name, password: staff.temporary });
  await submit();
  await page.waitForURL(`${portal}/account/password`);
});
await step('and signs in with it', async () => {
  await fill({ current: staff.temporary, password: staff.password, again: staff.password });
  await submit();
  await fill({ name: staff.name, password: staff.password });
  await submit();
  await page.waitForURL(`${portal}/`);
});
await step('files are sent in pieces', async () => {
  await page.setInputFiles('input[type=file]', [
    { name: '見積.csv', mimeType: 'text/csv', buffer: Buffer.from('品名,数量\r\n机,2\r\n') },
    { name: '名簿.csv', mimeType: 'text/csv', buffer: Buffer.from('氏名\r\n山田\r\n') },
    { name: '空.txt', mimeType: 'text/plain', buffer: Buffer.alloc(0) },
  ]);
  await submit();
  await page.locator('main a.primary').waitFor();
  expect((await text()).includes('空のファイルです'), 'the empty file is not named');
});
let result = '';
await step('all safe files in one archive', async () => {
  await page.locator('main a.primary').click();
  await page.locator('#progress', { hasText: '2件中 2件完了' }).waitFor({ timeout: 60_000 });
  result = page.url();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#all a').click()]);
  await download.saveAs(path.join(out, 'all.zip'));
  expect(fs.readFileSync(path.join(out, 'all.zip')).subarray(0, 4).toString('latin1') === 'PK\x03\x04', 'no archive');
});
await step('a large file goes on after the connection was away', async () => {
  await page.goto(`${portal}/`);
  const large = path.join(out, 'large.csv');
  fs.writeFileSync(large, 'a,b,c\r\n'.repeat(6 << 20));
  await page.setInputFiles('input[type=file]', large);
  let pieces = 0;
  await page.route('**/uploads/*/*', async (route) => {
    pieces += route.request().method() === 'PATCH' ? 1 : 0;
    if (route.request().method() === 'PATCH' && pieces % 7 === 3) await route.abort('connectionreset');
    else await route.continue();
  });
  await submit();
  await page.waitForFunction(() => document.querySelector('progress')?.value > 0);
  await context.setOffline(true);
  await page.waitForTimeout(1500);
  await page.screenshot({ path: path.join(out, 'away.png') });
  await context.setOffline(false);
  await page.waitForURL(/\/b\//, { timeout: 60_000 });
  await page.unroute('**/uploads/*/*');
  fs.rmSync(large);
});
await step('what was chosen waits for whoever signs in again', async () => {
  const forget = async () => { await context.clearCookies(); };
  const back = async () => {
    await page.locator('main .notice.warn', { hasText: '選んだファイルはこの画面に残っています' }).waitFor();
    await page.screenshot({ path: path.join(out, 'signed-out.png') });
    const [other] = await Promise.all([context.waitForEvent('page'), page.locator('main .notice.warn a').click()]);
    await fillOf(other, { name: staff.name, password: staff.password });
    await submitOf(other);
    await other.waitForURL(`${portal}/`);
    await other.close();
    await page.locator('main .notice.warn').waitFor({ state: 'detached' });
  };
  // Signed out before anything is sent, and once more in the midst of it.
  await page.goto(`${portal}/`);
  const large = path.join(out, 'kept.csv');
  fs.writeFileSync(large, 'a,b,c\r\n'.repeat(2 << 20));
  await page.setInputFiles('input[type=file]', large);
  await forget();
  let pieces = 0;
  await page.route('**/uploads/*/*', async (route) => {
    pieces += route.request().method() === 'PATCH' ? 1 : 0;
    if (pieces === 3) {
      // Until the first notice is seen to be gone.
      await page.waitForTimeout(2000);
      await forget();
    }
    await route.continue();
  });
  await submit();
  await back();
  await back();
  await page.waitForURL(/\/b\//, { timeout: 60_000 });
  await page.unroute('**/uploads/*/*');
  await page.locator('#progress', { hasText: '1件中 1件完了' }).waitFor({ timeout: 60_000 });
  fs.rmSync(large);
});
await step('the link of a notice shows the own mail', async () => {
  await send(staff.address, 'From: k@example.jp\r\nTo: a@city.example.lg.jp\r\nSubject: minutes\r\n\r\ntext');
  const row = page.locator('tbody tr', { hasText: 'minutes' });
  await until('the mail is not listed', async () => { await page.goto(`${portal}/history`); return await row.count() > 0; });
  await row.locator('a').click();
  await page.waitForURL(/\/r\/\d{8}-/);
});
await step('history in English', async () => { await page.goto(`${portal}/history?lang=en`); });
await step('what is somebody else\'s is not there', async () => {
  const stranger = await person();
  await stranger.goto(result);
  expect(new URL(stranger.url()).pathname === '/sign-in', stranger.url());
  await stranger.context().close();
  const answer = await page.goto(`${portal}/r/20261121-00000`);
  expect(answer.status() === 404, `status ${answer.status()}`);
});
await step('no script error', async () => { expect(trouble.length === 0, trouble.join('; ')); });
await end();
